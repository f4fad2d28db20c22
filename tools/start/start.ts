/** `npm start`: reads its options and runs live or once. Nothing it starts outlives it. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { createCliContext, type CliContext } from '../cli-context.ts';
import { runCommand } from '../cli.ts';
import { runLive } from './live.ts';
import { describeTotals, runOnce, type OnceResult } from './once.ts';
import { bookingsWorkload, chainWorkload, type Workload } from './workload.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const onceFolder = '.rollguard/once';
const secondSignalExitCode = 130;
const defaultSecondsPerDay = 20;
const onceSeed = 20_261_123;
const onceDays = 14;

interface StartFlags {
  readonly once?: true;
  readonly bookings?: string;
  readonly limit?: number;
  readonly json?: true;
  readonly seed?: number;
  readonly days: number;
  readonly secondsPerDay: number;
  readonly httpPort: number;
}

const examples = `
Examples:
  npm start                                            a live sample chain, until Ctrl-C
  npm start -- --once                                  a bounded load, checked, then the end
  npm start -s -- --once --bookings hotel-bookings.csv --json

Fetched programs stay in ROLLGUARD_CACHE_DIR (default: the user's cache folder), data in .rollguard/.`;

/** Returns the exit code. */
export function start(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('npm start --')
    .description('the real stack, a sample hotel chain, the application: one command')
    .option('--once', 'a bounded load, compared with an independent recomputation; then stop')
    .option('--bookings <csv>', 'with --once: load this file of bookings instead of a chain')
    .option('--limit <bookings>', 'with --bookings: only the first bookings of the file', count)
    .option('--days <days>', "with --once: the chain's days", count, onceDays)
    .option('--seed <number>', 'of the generated chain', count)
    .option('--json', 'with --once: print one JSON object on stdout')
    .option(
      '--seconds-per-day <seconds>',
      'real seconds to a day of the live chain',
      count,
      defaultSecondsPerDay,
    )
    .option('--http-port <port>', 'of the live HTTP API; 0 picks a free one', port, 3800)
    .addHelpText('after', examples)
    .action((flags: StartFlags) => (flags.once === true ? once(flags, cli) : live(flags, cli)));
  return runCommand(program, args, cli);
}

async function once(flags: StartFlags, cli: CliContext): Promise<void> {
  const print = flags.json === true ? cli.progress : (line: string) => cli.out(`${line}\n`);
  const result = await runOnce({
    workload: workloadOf(flags),
    ...{ root, env: cli.env, clock: cli.clock, progress: cli.progress },
    signal: abortOnSignals(),
    stateDir: path.join(root, onceFolder),
  });
  if (flags.json === true) cli.out(`${JSON.stringify(result)}\n`);
  for (const line of describe(result)) print(line);
  print('main job: OK');
}

function workloadOf(flags: StartFlags): Workload {
  if (flags.bookings !== undefined) return bookingsWorkload(flags.bookings, flags.limit);
  return chainWorkload({ seed: flags.seed ?? onceSeed, days: flags.days });
}

function describe(result: OnceResult): string[] {
  const cpu = Object.entries(result.cpuSeconds).map(([part, seconds]) => `${part} ${seconds}`);
  return [
    `totals       ${describeTotals(result.totals)}`,
    `holds        ${result.holds} live reservations, each held as it was sold`,
    `bookings     ${result.rows} in ${result.seconds} s (${result.rowsPerSecond}/s)`,
    `row changes  ${result.rowChanges} (${result.rowChangesPerSecond}/s)`,
    `CPU seconds  ${cpu.join(', ')}`,
    `bottleneck   ${result.bottleneck}`,
    `application  ${result.peakRssMb} MiB at most`,
  ];
}

async function live(flags: StartFlags, cli: CliContext): Promise<void> {
  if (flags.bookings !== undefined || flags.json === true) {
    throw new RollguardError('USAGE', '--bookings and --json need --once');
  }
  await runLive({
    ...{ root, env: cli.env, clock: cli.clock, progress: cli.progress },
    signal: abortOnSignals(),
    httpPort: flags.httpPort,
    secondsPerDay: flags.secondsPerDay,
    // A chain of its own each time: the tables may still hold that of an earlier start.
    seed: flags.seed ?? Math.floor(cli.clock.nowMs() / 1_000),
  });
}

/** The first signal stops in order; a second one ends this process, and the rest ends with it. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(secondSignalExitCode);
    controller.abort(new RollguardError('INTERRUPTED', 'interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a port number.');
}
