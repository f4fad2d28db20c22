/** `npm run bench -- replay`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { benchSystem } from '../bench-system.ts';
import { benchWorkload, bookingsOption } from '../bench-workload.ts';
import { table } from '../render.ts';
import { runReplayBench, type ReplayReport } from './replay-bench.ts';

const seed = 20_261_126;

interface Flags {
  readonly rows: number;
  readonly days: number;
  readonly instances: number;
  readonly bookings?: string;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
A chain of hotels, or a file of bookings, goes through Postgres, Debezium and Kafka into the ledgers. Then
the captured rows are copied under other ids, and a new application derives everything from Kafka. The
totals of both are compared with the input's; a difference ends the bench with CHECK_FAILED.

Examples:
  npm run bench -- replay
  npm run -s bench -- replay --rows 200000 --bookings hotel-bookings.csv --json`;

export function replayBenchCommand(cli: CliContext): Command {
  return new Command('replay')
    .description(
      'rows a second of the Roll Service: captured from Postgres, and replayed from Kafka',
    )
    .option('--rows <n>', 'lifecycle rows to replay, at least', count, 1_000_000)
    .option('--days <n>', 'of the generated chain', count, 20)
    .option('--instances <n>', 'that share the replay', count, 1)
    .addOption(bookingsOption)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const workload = benchWorkload(seed, flags);
  const report = await runReplayBench({
    ...{ rows: flags.quick === true ? 1 : flags.rows, workload, instances: flags.instances },
    system: benchSystem(cli, 'bench-replay'),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
}

function render({ captured, replayed }: ReplayReport): string {
  const head = ['', 'rows', 'rows/s', 'CPU µs a row', 'peak RSS MB', 'bottleneck'];
  const application = captured.cpuSeconds['application'] ?? 0;
  const cpuMicros = Math.round((application * 1e6) / captured.rowChanges);
  const lifecycle = `${replayed.lifecycleRows} of the lifecycle: ${replayed.lifecycleRowsPerSecond} of them a second`;
  const shared = replayed.instances === 1 ? '' : ` by ${replayed.instances} instances`;
  return `${table([
    head,
    [
      ...['captured from Postgres', captured.rowChanges, captured.rowChangesPerSecond, cpuMicros],
      ...[captured.peakRssMb, captured.bottleneck],
    ],
    [
      ...[
        `replayed from Kafka${shared}`,
        replayed.rows,
        replayed.rowsPerSecond,
        replayed.cpuMicrosPerRow,
      ],
      ...[replayed.peakRssMb, ''],
    ],
  ])}\nreplayed, ${lifecycle}\n`;
}
