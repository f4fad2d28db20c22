/** `npm run bench -- eos`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { renderComparison } from '../render.ts';
import { runEosBench } from './eos-bench.ts';

interface Flags {
  readonly records: number;
  readonly keys: number;
  readonly partitions: number;
  readonly commitIntervalMs: number;
  readonly pairs: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
One instance reads, changes and writes a value of 200 bytes in a RocksDB store for each record, forwards
it, and keeps the changelog; each run is a new application on the same input.

Examples:
  npm run bench -- eos
  npm run -s bench -- eos --commit-interval-ms 500 --partitions 1 --json`;

export function eosBenchCommand(cli: CliContext): Command {
  return new Command('eos')
    .description('what exactly-once costs: the same topology beside at-least-once')
    .option('--records <n>', 'of a run', count, 400_000)
    .option('--keys <n>', 'in the store', count, 100_000)
    .option('--partitions <n>', 'of the input, each a task', count, 2)
    .option('--commit-interval-ms <n>', 'commit.interval.ms', count, 100)
    .option('--pairs <n>', 'runs with each guarantee', count, 5)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const { partitions, commitIntervalMs } = flags;
  const isQuick = flags.quick === true;
  const report = await runEosBench({
    ...{ partitions, commitIntervalMs, context: { ...cli, signal: abortOnSignals() } },
    records: isQuick ? 20_000 : flags.records,
    keys: isQuick ? 2_000 : flags.keys,
    pairs: isQuick ? 1 : flags.pairs,
  });
  cli.out(
    flags.json === true
      ? `${JSON.stringify({ ...report, partitions, commitIntervalMs })}\n`
      : `${renderComparison(report)}\n`,
  );
}
