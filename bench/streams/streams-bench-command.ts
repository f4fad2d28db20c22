/** `npm run bench -- streams`: what it is asked, and how its figures are shown. */
import { Command, Option } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { withBenchBroker } from '../bench-broker.ts';
import { count, countOrNone, jsonOption, peers, quickOption } from '../arguments.ts';
import { keysDistributions, type KeysDistribution } from '../keyed-input.ts';
import { peersHelp, renderSides } from '../peers/render-sides.ts';
import type { PeerName } from '../peers/sides.ts';
import { table } from '../render.ts';
import { runStreamsBench, type StreamsBenchReport } from './streams-bench.ts';

interface Flags {
  readonly records: number;
  readonly keys: number;
  readonly keysDistribution: KeysDistribution;
  readonly partitions: number;
  readonly pairs: number;
  readonly peers: readonly PeerName[];
  readonly commitIntervalMs: number;
  readonly cacheMb: number;
  readonly latencySeconds: number;
  readonly latencyRate: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
Each record's value of 200 bytes is read from a RocksDB store, changed, written (store and changelog) and
forwarded to an output topic, exactly once; one broker on this machine, one process a side, one stream
thread. Each run is a new application; its first 30 % of the records are warm-up, and afterwards its output
is read and every key's count compared.

${peersHelp}

Examples:
  npm run bench -- streams
  npm run bench -- streams --keys-distribution zipf --peers jvm,jvm-cache
  npm run -s bench -- streams --pairs 5 --latency-seconds none --json`;

export function streamsBenchCommand(cli: CliContext): Command {
  return new Command('streams')
    .description('records a second, CPU, memory and latency beside Kafka Streams on the JVM')
    .option('--records <n>', 'of a run', count, 1_000_000)
    .option('--keys <n>', 'in the store', count, 100_000)
    .addOption(
      new Option('--keys-distribution <name>', 'how often each key comes')
        .choices(keysDistributions)
        .default('uniform'),
    )
    .option('--partitions <n>', 'of the input, each a task', count, 4)
    .option('--pairs <n>', 'runs of each side', count, 3)
    .option('--peers <list>', 'of the peers below', peers, ['jvm', 'kafkats'])
    .option('--commit-interval-ms <n>', 'commit.interval.ms', count, 100)
    .option('--cache-mb <n>', 'for entries in memory: ours, and of jvm-cache', count, 64)
    .option('--latency-seconds <n>', 'of an even load; none: no such runs', countOrNone, 10)
    .option('--latency-rate <n>', 'records a second of that load', count, 5_000)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run({ quick, json, ...flags }: Flags, cli: CliContext): Promise<void> {
  const latencySeconds = Math.min(1, flags.latencySeconds);
  const short = { records: 60_000, keys: 5_000, pairs: 1, latencySeconds };
  const options = quick === true ? { ...flags, ...short } : flags;
  const context = { ...cli, signal: abortOnSignals() };
  const report = await withBenchBroker(context, (broker) =>
    runStreamsBench(broker, { ...options, warmsBroker: quick !== true, context }),
  );
  cli.out(json === true ? `${JSON.stringify({ ...options, ...report })}\n` : render(report));
}

function render(report: StreamsBenchReport): string {
  const head = ['side', 'records/s', 'CPU µs a record', 'RSS MB', 'peak RSS MB'];
  const runs = report.runs.map((each) => [
    ...[each.side, each.recordsPerSecond, each.cpuMicros, each.rssMb, each.peakRssMb],
  ]);
  const latencies = report.latencies.map(({ side, p50Ms, p99Ms, maxMs }) => [
    ...[side, p50Ms, p99Ms, maxMs],
  ]);
  const ratios = Object.entries(report.ratios).map(
    ([side, { recordsPerSecond, cpuPerRecord }]) =>
      `rollguard / ${side}, median of pairs: ${recordsPerSecond} × the records/s, ` +
      `${cpuPerRecord} × the CPU a record`,
  );
  const sections = [
    renderSides(report),
    table([head, ...runs]),
    ...(latencies.length === 0
      ? []
      : [table([['end to end', 'p50 ms', 'p99 ms', 'max ms'], ...latencies])]),
    ratios.join('\n'),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}
