/**
 * `rollguard <noun> <verb>`: puts the nouns together, prints errors as one line with the remedy, and
 * turns them into exit codes: 0 ok, 1 failed, 2 usage, 3 difference found. Data goes to stdout,
 * progress and errors to stderr.
 */
import { Command, CommanderError } from 'commander';
import { isRollguardError, messageOf } from '../kernel/errors.ts';
import { createCliContext, type CliContext } from './cli-context.ts';
import { backfillCommand } from './commands/backfill.ts';
import { connectorsCommand } from './commands/connectors.ts';
import { databaseCommand } from './commands/database.ts';
import { dlqCommand } from './commands/dlq.ts';
import { guardCommand } from './commands/guard.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { loadCommand } from './commands/load.ts';
import { locksCommand } from './commands/locks.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { replayCommand } from './commands/replay.ts';
import { schemasCommand } from './commands/schemas.ts';
import { stackCommand } from './commands/stack.ts';
import { stateCommand } from './commands/state.ts';
import { topologyCommand } from './commands/topology.ts';

/** As shells tell that Ctrl-C ended a command. */
const interruptedExitCode = 130;

const nouns: readonly ((cli: CliContext) => Command)[] = [
  stackCommand,
  backfillCommand,
  connectorsCommand,
  databaseCommand,
  dlqCommand,
  guardCommand,
  ledgerCommand,
  loadCommand,
  locksCommand,
  reconcileCommand,
  replayCommand,
  schemasCommand,
  stateCommand,
  topologyCommand,
];

/** Runs one command line (without `node` and the script) and returns the exit code. */
export function runCli(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('rollguard')
    .description('Availability Guard and Roll Service for hotel reservation platforms')
    .version(cli.version);
  for (const noun of nouns) program.addCommand(noun(cli));
  return runCommand(program, args, cli);
}

/** Runs a command of ours with our way of telling errors; returns the exit code. */
export async function runCommand(
  program: Command,
  args: readonly string[],
  cli: CliContext,
): Promise<number> {
  program
    .showHelpAfterError('(add --help for usage and examples)')
    .exitOverride()
    .configureOutput({ writeOut: cli.out, writeErr: cli.err });
  for (const command of program.commands) inheritSettings(command, program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    return exitCodeOf(error, cli);
  }
}

/** exitOverride and output settings are copied only to subcommands made by `.command()`. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}

function exitCodeOf(error: unknown, cli: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!isRollguardError(error)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    cli.err(`rollguard: unexpected error, please report it\n${stack}\n`);
    return 1;
  }
  cli.err(`rollguard: ${messageOf(error)} [${error.code}]\n`);
  if (error.code === 'INTERRUPTED') return interruptedExitCode;
  if (error.code === 'USAGE') return 2;
  return error.code === 'DIFFERENCE_FOUND' || error.code === 'SCHEMA_INCOMPATIBLE' ? 3 : 1;
}
