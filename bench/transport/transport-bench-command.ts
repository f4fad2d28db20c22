/** `npm run bench -- transport`: what it is asked, and how its figures are shown. */
import { Command, InvalidArgumentError } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { renderComparison, table } from '../render.ts';
import {
  runTransportBench,
  transportParts,
  type TransportBenchReport,
  type TransportPart,
} from './transport-bench.ts';

interface Flags {
  readonly only: readonly TransportPart[];
  readonly pairs: number;
  readonly transactions: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
Parts:
  produce       transactions of 10 calls, each 1,000 records of 20 + 200 bytes to each of 2 topics
  consume       500,000 such records of 4 partitions, read committed; kafkajs by eachBatch
  transactions  one record to each of 2 topics: transaction version 1, primed, beside version 2

Examples:
  npm run bench -- transport
  npm run -s bench -- transport --only produce,consume --pairs 9 --json
  npm run bench -- transport --only transactions --transactions 2000`;

export function transportBenchCommand(cli: CliContext): Command {
  return new Command('transport')
    .description("records a second and CPU of the engine's transport, beside kafkajs")
    .option('--only <list>', 'of the parts below', parts, [...transportParts])
    .option('--pairs <n>', 'runs of each side', count, 5)
    .option('--transactions <n>', 'short transactions in a run', count, 1_000)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const isQuick = flags.quick === true;
  const report = await runTransportBench({
    parts: flags.only,
    pairs: isQuick ? 1 : flags.pairs,
    consumeRecords: isQuick ? 8_000 : 500_000,
    produceTransactions: isQuick ? 1 : 20,
    transactions: isQuick ? 50 : flags.transactions,
    gapsMs: [0, 10],
    context: { ...cli, signal: abortOnSignals() },
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
}

function render({ comparisons, transactions }: TransportBenchReport): string {
  const sections = comparisons.map(renderComparison);
  if (transactions.length > 0) {
    const rows = transactions.map((each) => [
      ...[`version ${each.version}`, `${each.gapMs} ms apart`, `${each.perSecond}/s`],
      ...[each.p50Ms, each.p90Ms, each.p99Ms],
    ]);
    const head = ['one record to each of 2 topics', '', '', 'p50 ms', 'p90 ms', 'p99 ms'];
    sections.push(table([head, ...rows]));
  }
  return `${sections.join('\n\n')}\n`;
}

function parts(text: string): TransportPart[] {
  return text.split(',').map((name) => {
    const part = transportParts.find((each) => each === name.trim());
    if (part !== undefined) return part;
    throw new InvalidArgumentError(`Parts are ${transportParts.join(', ')}.`);
  });
}
