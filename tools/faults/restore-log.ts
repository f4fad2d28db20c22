/**
 * What each start of the application replayed, from its log; and whether that was the tail only. What a
 * restore has brought into memory is on disk one checkpoint interval later; until then the next start
 * may replay it again. A task never begins before the place where an earlier start began; one that its
 * process takes once more, after a failure, begins with what it has in memory, which says nothing of the disk.
 */
import { appendFileSync, readFileSync } from 'node:fs';

// `checkpointIntervalMs` is 30 s; the rest is for an instance that is down, or killed while it writes.
const onDiskAfterMs = 90_000;

export interface Restore {
  /** Of the log's line: ISO. */
  readonly time: string;
  readonly task: string;
  readonly from: number;
  /** What was on the disk; `from` unless a standby with more in memory was taken over. */
  readonly stored?: number;
  readonly to: number;
  readonly records: number;
  /** Of the process, counted from the log's first. */
  readonly start: number;
  /** Of the folder, counted from the first: one that was lost says nothing of the next. */
  readonly folder: number;
}

export interface RestoreSummary {
  readonly restores: number;
  readonly recordsMax: number;
  readonly recordsTotal: number;
  /** Restores that began before what the store of the task already had. */
  readonly beyondTail: readonly string[];
}

const folderLost = 'the state folder is not to be relied on';

/** Notes that what the starts before had on disk is no measure for those that follow. */
export function noteFolderLost(logFile: string): void {
  appendFileSync(logFile, `${JSON.stringify({ message: folderLost })}\n`);
}

export function readRestores(logFile: string): readonly Restore[] {
  return restoresOf(readFileSync(logFile, 'utf8').split('\n'));
}

/** A process says that it serves before it has any task. */
export function restoresOf(lines: readonly string[]): readonly Restore[] {
  let start = 0;
  let folder = 0;
  return lines.flatMap((line) => {
    if (line.includes('"message":"serving"')) start += 1;
    if (line.includes(folderLost)) folder += 1;
    if (!line.includes('"state restored"')) return [];
    return [{ ...(JSON.parse(line) as Omit<Restore, 'start' | 'folder'>), start, folder }];
  });
}

/**
 * @param isAlone true: no other instance takes a task from this one, so that what a restore brought into
 *   memory is on disk before long.
 */
export function summarise(restores: readonly Restore[], isAlone: boolean): RestoreSummary {
  const counts = restores.map(({ records }) => records);
  return {
    restores: restores.length,
    recordsMax: Math.max(0, ...counts),
    recordsTotal: counts.reduce((sum, count) => sum + count, 0),
    beyondTail: restores.flatMap((restore, index) => {
      const had = onDiskAt(restore, restores.slice(0, index), isAlone);
      const { task, from, records } = restore;
      return (restore.stored ?? from) < had
        ? [`${task} from ${from} (${records} records), though it had ${had}`]
        : [];
    }),
  };
}

/** The offset up to which the task's store was on disk for certain when this restore began. */
function onDiskAt(
  { task, time, folder }: Restore,
  earlier: readonly Restore[],
  isAlone: boolean,
): number {
  const onDiskSince = Date.parse(time) - onDiskAfterMs;
  const offsets = earlier
    .filter((each) => each.task === task && each.folder === folder)
    .map(({ time: then, from, stored = from, to, start }, index, own) => {
      if (isAlone && Date.parse(then) <= onDiskSince) return to;
      return own[index - 1]?.start === start ? 0 : stored;
    });
  return Math.max(0, ...offsets);
}
