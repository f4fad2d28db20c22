/** `npm run bench -- instances`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { benchSystem } from '../bench-system.ts';
import { table } from '../render.ts';
import { runInstancesBench, type InstancesBenchReport, type Spread } from './instances-bench.ts';

interface Flags {
  readonly kills: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly hopCalls: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
Examples:
  npm run bench -- instances
  npm run -s bench -- instances --kills 5 --session-timeout-ms 10000 --json
  npm run bench -- instances --quick`;

export function instancesBenchCommand(cli: CliContext): Command {
  return new Command('instances')
    .description(
      'take-over, rolling restart, scaling out and the cost of a hop, with up to three instances',
    )
    .option('--kills <n>', 'of one instance of three, one after the other', count, 20)
    .option('--session-timeout-ms <ms>', 'SESSION_TIMEOUT_MS of the instances', count, 6_000)
    .option('--heartbeat-interval-ms <ms>', 'HEARTBEAT_INTERVAL_MS of the instances', count, 500)
    .option('--hop-calls <n>', 'reads of the owner and of another instance, each', count, 3_000)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const { sessionTimeoutMs, heartbeatIntervalMs } = flags;
  const isQuick = flags.quick === true;
  const report = await runInstancesBench({
    ...{ sessionTimeoutMs, heartbeatIntervalMs },
    kills: isQuick ? 1 : flags.kills,
    hopCalls: isQuick ? 100 : flags.hopCalls,
    system: benchSystem(cli),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
  const { movedTasks, failedCalls } = report.rollingRestart;
  if (movedTasks.length > 0 || failedCalls > 0) cli.exitCode = 3;
}

function render(report: InstancesBenchReport): string {
  const { sessionTimeoutMs, heartbeatIntervalMs, rollingRestart, scaleOut, hop } = report;
  const row = (
    what: string,
    { count: times, p50Ms, p99Ms, maxMs }: Spread,
  ): (string | number)[] => [...[what, times, p50Ms, p99Ms, maxMs]];
  const moved = rollingRestart.movedTasks.length;
  return `${[
    `session time-out ${sessionTimeoutMs} ms, heartbeats every ${heartbeatIntervalMs} ms`,
    '',
    table([
      ['time without a grant or commit', 'times', 'p50 ms', 'p99 ms', 'max ms'],
      row('kill -9: partitions it had, with a standby', report.takeOver),
      row('kill -9: partitions of the others', report.unaffected),
      row('kill -9: tasks of the others, fed by a source', report.sourceFed),
      row('kill -9: tasks of the others, fed by tasks', report.repartitionFed),
      row('scale out: partitions that move', scaleOut.moved),
      row('scale out: partitions that stay', scaleOut.stayed),
    ]),
    '',
    `rolling restart of three static members: ${moved} tasks moved, ${rollingRestart.failedCalls} of ${rollingRestart.calls} retried calls failed, the longest took ${rollingRestart.longestCallMs} ms`,
    `a hop: ${hop.hopP50Ms} ms at p50 (owner ${hop.directP50Ms}, by another one ${hop.forwardedP50Ms}; ${hop.calls} reads each)`,
  ].join('\n')}\n`;
}
