/** `npm run faults`: kills from a seed under a load, and the verdict. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { createCliContext, type CliContext } from '../cli-context.ts';
import { runCommand } from '../cli.ts';
import { describeTotals } from '../start/once.ts';
import { bookingsWorkload, chainWorkload } from '../start/workload.ts';
import { runCampaign, type CampaignReport } from './campaign.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = '.rollguard/faults';

interface FaultsFlags {
  readonly seed?: number;
  readonly bookings?: string;
  readonly limit?: number;
  readonly days: number;
  readonly application: number;
  readonly connect: number;
  readonly kafka: number;
  readonly postgres: number;
  readonly registry: number;
  readonly meanSeconds: number;
  readonly json?: true;
}

const examples = `
Examples:
  npm run faults -- --bookings hotel-bookings.csv
  npm run -s faults -- --seed 7 --application 5 --connect 1 --kafka 1 --postgres 0 --json

The same seed kills the same parts after the same delays; what they are doing then is up to the machine.`;

/** Returns the exit code: 0 everything held, 3 a violation. */
export function faults(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('npm run faults --')
    .description(
      'kill -9 of every part under load, then check from durable data that nothing is wrong',
    )
    .option('--seed <number>', 'of the kills (default: the time)', count)
    .option('--bookings <csv>', 'load this file of bookings instead of a generated chain')
    .option('--limit <bookings>', 'with --bookings: only the first bookings of the file', count)
    .option('--days <days>', "the chain's days", count, 60)
    .option('--application <kills>', 'kills of the application', countOrNone, 20)
    .option('--connect <kills>', 'kills of the Connect worker', countOrNone, 3)
    .option('--kafka <kills>', 'kills of the broker', countOrNone, 2)
    .option('--postgres <kills>', 'kills of Postgres (a file of bookings only)', countOrNone, 1)
    .option('--registry <kills>', 'kills of the registry', countOrNone, 1)
    .option('--mean-seconds <seconds>', 'mean time between two kills', count, 4)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: FaultsFlags) => run(flags, cli));
  return runCommand(program, args, cli);
}

async function run(flags: FaultsFlags, cli: CliContext): Promise<void> {
  const { application, connect, kafka, registry, bookings } = flags;
  const seed = flags.seed ?? Math.floor(cli.clock.nowMs() / 1_000);
  // A generated chain cannot go on where it was cut off.
  const postgres = bookings === undefined ? 0 : flags.postgres;
  const report = await runCampaign({
    workload:
      bookings === undefined
        ? chainWorkload({ seed, days: flags.days })
        : bookingsWorkload(bookings, flags.limit),
    seed,
    faults: { application, connect, kafka, postgres, registry },
    meanDelayMs: flags.meanSeconds * 1_000,
    isFresh: true,
    ...{ root, env: cli.env, clock: cli.clock, progress: cli.progress },
    signal: abortOnSignals(),
    stateDir: path.join(root, folder),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
  if (report.violations.length > 0) cli.exitCode = 3;
}

function render({
  seed,
  kills,
  restores,
  totals,
  seconds,
  state,
  guard,
  violations,
}: CampaignReport): string {
  const lines = [
    `seed       ${seed}: ${kills.length} kills in ${seconds} s`,
    `totals     ${describeTotals(totals)}`,
    `restores   ${restores.restores}, ${restores.recordsTotal} records in all, at most ${restores.recordsMax} at once`,
    ...state.tasks.map(
      ({ task, store, changelog, recomputed }) =>
        `${task.padEnd(10)} store ${store ?? 'not here'}, changelog ${changelog}, recomputed ${recomputed}`,
    ),
    ...guard.tasks.map(
      ({ task, store, changelog, decisions }) =>
        `${task.padEnd(10)} store ${store ?? 'not here'}, changelog ${changelog}, decisions ${decisions ?? 'none'}`,
    ),
    `events     ${state.events.events} of ${state.events.entries} entries, ${state.events.repeated.length} repeated`,
    ...violations.map((violation) => `VIOLATION  ${violation}`),
    violations.length === 0 ? 'all invariants hold' : `${violations.length} violations`,
  ];
  return `${lines.join('\n')}\n`;
}

/** The first signal stops in order; a second one ends this process, and the rest ends with it. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new RollguardError('INTERRUPTED', 'interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}

function count(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function countOrNone(text: string): number {
  return text === '0' ? 0 : count(text);
}
