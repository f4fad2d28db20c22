/** `npm run bench -- soak`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { withBenchBroker } from '../bench-broker.ts';
import { table } from '../render.ts';
import { runSoakBench, warmUpShare, type SoakReport } from './soak-bench.ts';

interface Flags {
  readonly minutes: number;
  readonly rate: number;
  readonly keys: number;
  readonly partitions: number;
  readonly cacheMb: number;
  readonly commitIntervalMs: number;
  readonly sampleSeconds: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
One instance reads, changes and writes a value of 200 bytes for each record, exactly once. Its store is
filled, lost and restored, then the load begins. The slope is that of the process's memory over all but the
first ${warmUpShare * 100} % of the time; ours only, for other engines have no such run here.

Examples:
  npm run bench -- soak
  npm run -s bench -- soak --minutes 10 --rate 5000 --json`;

export function soakBenchCommand(cli: CliContext): Command {
  return new Command('soak')
    .description('memory under an even load for an hour: its slope, and whether it keeps up')
    .option('--minutes <n>', 'of the load', count, 60)
    .option('--rate <n>', 'records a second', count, 1_000)
    .option('--keys <n>', 'in the store', count, 1_000_000)
    .option('--partitions <n>', 'of the input, each a task', count, 4)
    .option('--cache-mb <n>', 'for entries in memory', count, 64)
    .option('--commit-interval-ms <n>', 'commit.interval.ms', count, 100)
    .option('--sample-seconds <n>', 'between two looks at the process', count, 10)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(
  { quick, json, sampleSeconds, rate, ...flags }: Flags,
  cli: CliContext,
): Promise<void> {
  const short = quick === true ? { minutes: 0.2, keys: 20_000 } : {};
  const sampleMs = quick === true ? 1_000 : sampleSeconds * 1_000;
  const options = { ...flags, ...short, perSecond: rate, sampleMs };
  const context = { ...cli, signal: abortOnSignals() };
  const report = await withBenchBroker(context, (broker) =>
    runSoakBench(broker, { ...options, context }),
  );
  cli.out(json === true ? `${JSON.stringify({ ...options, ...report })}\n` : render(report));
}

function render(report: SoakReport): string {
  const { records, rssP50Mb, rssMaxMb, slopeMbPerHour, lagP99, cpuMicros } = report;
  const head = ['records', 'RSS p50 MB', 'max MB', 'slope MB/h', 'p99 behind', 'CPU µs a record'];
  return `${table([head, [records, rssP50Mb, rssMaxMb, slopeMbPerHour, lagP99, cpuMicros]])}\n`;
}
