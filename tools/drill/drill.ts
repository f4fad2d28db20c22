/** `npm run drill -- slot|standby`: the capture loses its place under load, and has to be whole again. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Argument, Command } from 'commander';
import { createCliContext, type CliContext } from '../cli-context.ts';
import { runCommand } from '../cli.ts';
import { positive } from '../connectors/connector-command.ts';
import { interruptible } from '../interruptible.ts';
import { renderDrill, type DrillReport } from './drill-figures.ts';
import { runDrill } from './run-drill.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const failedExitCode = 1;

interface DrillFlags {
  readonly seed?: number;
  readonly days: number;
  readonly json?: true;
}

const examples = `
Examples:
  npm run drill -- slot
  npm run -s drill -- standby --json

slot     drops the replication slot under load
standby  promotes a standby without the slot, which lacks the last that was captured
Both: rows are changed and deleted meanwhile, \`connectors recover\` closes the gap, and ledgers, holds and
stores are compared with the platform's rows. In a stack of its own, in ${path.join('.rollguard', 'drill')}.`;

/** Returns the exit code: 0 passed, 1 failed. */
export function drill(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('npm run drill --')
    .description('loses the place of the capture under load, and closes the gap')
    .addArgument(new Argument('<what>', 'what happens to it').choices(['slot', 'standby']))
    .option('--seed <number>', 'of the load (default: the time)', positive)
    .option('--days <days>', 'of each generated chain', positive, 4)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((what: DrillReport['drill'], flags: DrillFlags) => run(what, flags, cli));
  return runCommand(program, args, cli);
}

async function run(kind: DrillReport['drill'], flags: DrillFlags, cli: CliContext): Promise<void> {
  const seed = flags.seed ?? Math.floor(cli.clock.nowMs() / 1_000);
  const { days } = flags;
  const report = await interruptible('interrupted', (signal) =>
    runDrill({ kind, root, seed, days, cli, signal }),
  );
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : renderDrill(report));
  if (report.violations.length > 0) cli.exitCode = failedExitCode;
}
