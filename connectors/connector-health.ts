/**
 * What a connector's status means. The connector's own state only says that its configuration was
 * accepted; rows flow as long as its *tasks* run. A connector that is RUNNING with a FAILED task, or
 * with none, captures nothing.
 */
import type { ConnectorStatus } from './connect-client.ts';

export type Verdict =
  /** connector and every task RUNNING, at least one task */
  | 'running'
  /** the connector or a task FAILED: nothing mends itself */
  | 'failed'
  /** somebody paused or stopped it on purpose */
  | 'paused'
  /** on its way: unassigned, restarting, or no task yet */
  | 'starting'
  /** Connect does not know it */
  | 'missing';

const meanings: Readonly<Record<string, Verdict>> = {
  RUNNING: 'running',
  FAILED: 'failed',
  PAUSED: 'paused',
  STOPPED: 'paused',
};
/** The worst one decides. */
const byWeight: readonly Verdict[] = ['failed', 'paused', 'starting', 'running'];

export function verdictOf(status: ConnectorStatus | undefined): Verdict {
  if (status === undefined) return 'missing';
  const verdicts = [status.connector, ...status.tasks].map(({ state }) => meaningOf(state));
  const worst = byWeight.find((verdict) => verdicts.includes(verdict)) ?? 'starting';
  return worst === 'running' && status.tasks.length === 0 ? 'starting' : worst;
}

function meaningOf(state: string): Verdict {
  return meanings[state] ?? 'starting';
}

const traceLinesMax = 6;

/** The lines of a Java trace that say what happened: its first ones and every cause, without frames. */
export function traceSummary(trace: string): readonly string[] {
  const lines = trace.split('\n').map((line) => line.trimEnd());
  const telling = lines.filter((line) => line !== '' && !/^\s*(at |\.\.\. \d+ more)/.test(line));
  return telling.slice(0, traceLinesMax);
}
