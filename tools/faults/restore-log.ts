/**
 * What each start of the application replayed, from its log; and whether that was the tail only: a task
 * never begins before the place up to which an earlier start had brought its store.
 */
import { readFileSync } from 'node:fs';

export interface Restore {
  readonly task: string;
  readonly from: number;
  readonly to: number;
  readonly records: number;
}

export interface RestoreSummary {
  readonly restores: number;
  readonly recordsMax: number;
  readonly recordsTotal: number;
  /** Restores that began before what the store of the task already had. */
  readonly beyondTail: readonly string[];
}

export function readRestores(logFile: string): readonly Restore[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"state restored"'))
    .map((line) => JSON.parse(line) as Restore);
}

export function summarise(restores: readonly Restore[]): RestoreSummary {
  const reached = new Map<string, number>();
  const beyondTail: string[] = [];
  for (const { task, from, to, records } of restores) {
    const had = reached.get(task) ?? 0;
    if (from < had)
      beyondTail.push(`${task} from ${from} (${records} records), though it had ${had}`);
    reached.set(task, Math.max(had, to));
  }
  const counts = restores.map(({ records }) => records);
  return {
    restores: restores.length,
    recordsMax: Math.max(0, ...counts),
    recordsTotal: counts.reduce((sum, count) => sum + count, 0),
    beyondTail,
  };
}
