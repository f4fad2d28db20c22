/** `npm run bench -- guard`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { benchSystem } from '../bench-system.ts';
import { runGuardBench, type GuardBenchReport, type RunFigures } from './guard-bench.ts';
import { loadKinds } from './wishes.ts';

interface Flags {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rates: readonly number[];
  readonly callers: readonly number[];
  readonly loads: readonly string[];
  readonly sides: readonly string[];
  readonly partitions: number;
  readonly connections: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
Loads:
${loadKinds.map(({ name, about }) => `  ${name.padEnd(9)}${about}`).join('\n')}

Sides are told by the beginning of their names: rollguard, postgres exclude, postgres advisory, both of
Postgres "behind grpc", which is the guard's own front over a pool of connections, and "front alone",
that front granting everything at once: the most that any guard behind it could do on this machine.

Examples:
  npm run bench -- guard
  npm run -s bench -- guard --loads uniform --callers 64,256 --rates none --partitions 2 --json
  npm run bench -- guard --quick`;

export function guardBenchCommand(cli: CliContext): Command {
  return new Command('guard')
    .description('locks a second, latency and CPU of the guard, beside Postgres')
    .option('--seconds <n>', 'of each run', count, 10)
    .option('--warm-up-seconds <n>', 'of each side, before its first run', count, 20)
    .option('--rates <list>', 'arrivals a second (open loop); none: no such runs', counts, [1_000])
    .option(
      '--callers <list>',
      'callers that wait (closed loop); none: no such runs',
      counts,
      [64, 256],
    )
    .option(
      '--loads <list>',
      'of the loads below',
      names,
      loadKinds.map(({ name }) => name),
    )
    .option('--sides <list>', 'of the sides below', names, ['rollguard', 'front', 'postgres'])
    .option('--partitions <n>', 'of the guard', count, 4)
    .option('--connections <n>', 'of each pool to Postgres', count, 16)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const kinds = flags.loads.map((name) => {
    const kind = loadKinds.find((each) => each.name === name);
    if (kind !== undefined) return kind;
    const known = loadKinds.map((each) => each.name).join(', ');
    throw new RollguardError('CONFIG_INVALID', `--loads: ${name} is not one of ${known}`);
  });
  const isQuick = flags.quick === true;
  const report = await runGuardBench({
    kinds,
    isWanted: (side) => flags.sides.some((name) => side.startsWith(name)),
    seconds: isQuick ? 1 : flags.seconds,
    warmUpSeconds: isQuick ? 1 : flags.warmUpSeconds,
    rates: isQuick ? [100] : flags.rates,
    callers: isQuick ? [16] : flags.callers,
    partitions: flags.partitions,
    connections: flags.connections,
    system: benchSystem(cli),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
  if (report.doubleBookings.some(({ count: found }) => found > 0)) cli.exitCode = 3;
}

function render({
  partitions,
  connections,
  loadGenerator,
  runs,
  doubleBookings,
}: GuardBenchReport): string {
  const lines = [
    `guard: ${partitions} partitions; Postgres: ${connections} connections, synchronous_commit on; ${loadGenerator}`,
    '',
    line([
      'load',
      'mode',
      'side',
      'calls/s',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'granted',
      'errors',
      'CPU µs a call',
    ]),
    ...runs.map(runLine),
    '',
    ...doubleBookings.map(({ side, count: found }) => `${side}: ${found} double bookings`),
  ];
  return `${lines.join('\n')}\n`;
}

function runLine({ load, mode, side, figures }: RunFigures): string {
  const { callsPerSecond, p50Ms, p99Ms, p999Ms, calls, outcomes, cpuMicros } = figures;
  const granted = `${Math.round((outcomes.LOCKED / Math.max(1, calls)) * 100)} %`;
  const cpu = Object.entries(cpuMicros).map(([part, micros]) => `${part} ${micros}`);
  return line([
    ...[load, mode, side, callsPerSecond, p50Ms, p99Ms, p999Ms, granted, outcomes.ERROR],
    cpu.join(', '),
  ]);
}

const widths = [9, 12, 32, 9, 9, 9, 10, 9, 8, 0];

function line(cells: readonly (string | number)[]): string {
  return cells.map((cell, index) => String(cell).padEnd(widths[index] ?? 0)).join('');
}

function counts(text: string): number[] {
  return text === 'none' ? [] : text.split(',').map(count);
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
