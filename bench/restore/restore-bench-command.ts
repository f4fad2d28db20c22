/** `npm run bench -- restore`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { withBenchBroker } from '../bench-broker.ts';
import { count, jsonOption, peers, quickOption } from '../arguments.ts';
import { peersHelp, renderSides } from '../peers/render-sides.ts';
import type { PeerName } from '../peers/sides.ts';
import { table } from '../render.ts';
import { runRestoreBench, stateKinds, type RestoreBenchReport } from './restore-bench.ts';

interface Flags {
  readonly keys: number;
  readonly partitions: number;
  readonly pairs: number;
  readonly peers: readonly PeerName[];
  readonly cacheMb: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
A store of 20 + 200 bytes a key is filled and stopped in order. Then the process is started with its state
folder (kept) and without it (lost), and asked for keys; the time is from its start until its store serves.

${peersHelp}

Examples:
  npm run bench -- restore
  npm run -s bench -- restore --keys 200000 --pairs 3 --json`;

const settleMs = 3_000;

export function restoreBenchCommand(cli: CliContext): Command {
  return new Command('restore')
    .description('a lost and a kept store until they serve again, beside Kafka Streams on the JVM')
    .option('--keys <n>', 'in the store', count, 1_000_000)
    .option('--partitions <n>', 'of the store, each a task', count, 4)
    .option('--pairs <n>', 'runs of each side', count, 2)
    .option('--peers <list>', 'of the peers below, which can be asked', peers, ['jvm'])
    .option('--cache-mb <n>', 'for entries in memory: ours, and of jvm-cache', count, 64)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run({ quick, json, ...flags }: Flags, cli: CliContext): Promise<void> {
  const options = quick === true ? { ...flags, keys: 20_000, pairs: 1 } : flags;
  const context = { ...cli, signal: abortOnSignals() };
  const report = await withBenchBroker(context, (broker) =>
    runRestoreBench(broker, { ...options, settleMs, context }),
  );
  cli.out(json === true ? `${JSON.stringify({ ...options, ...report })}\n` : render(report));
}

function render(report: RestoreBenchReport): string {
  const rows = report.runs.map((each) => [
    ...[each.side, each.state, each.seconds, each.keysPerSecond, each.cpuSeconds, each.peakRssMb],
    ...[each.rssAfterMb, each.peakRssAfterMb, each.figures['eventLoopDelayP99Ms'] ?? '-'],
  ]);
  const head = ['side', 'state', 's', 'keys/s', 'CPU s', 'peak RSS MB', 'RSS MB after'];
  const ratios = stateKinds.flatMap((state) =>
    Object.entries(report.ratios[state]).map(
      ([side, { seconds, cpuSeconds }]) =>
        `${state}: rollguard / ${side}, median of pairs: ${seconds} × the time, ${cpuSeconds} × the CPU`,
    ),
  );
  const sections = [
    renderSides(report),
    table([[...head, 'peak after', 'loop delay p99 ms'], ...rows]),
    ratios.join('\n'),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}
