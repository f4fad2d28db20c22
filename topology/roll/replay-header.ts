/**
 * The mark of an event that is told once more: the header has the id of the replay that asked for it. It
 * says what the last event of its entry said, so a reader that keeps tables need not apply it, and none
 * may count it as a change.
 *
 * A replay by offsets writes only what differs from what was said: its events have its id as well, and the
 * mark of a difference beside it. They are changes like any other.
 */
import type { FetchedRecord, RecordHeader } from '../../streams/index.ts';

export const replayIdHeader = 'x-rollguard-replay-id';

export function replayHeaders(replayId: string): readonly RecordHeader[] {
  return [{ key: replayIdHeader, value: Buffer.from(replayId, 'utf8') }];
}

const differenceHeader = 'x-rollguard-replay-difference';

/** Of what a replay found missing, or otherwise than it was said. */
export function replayDifferenceHeaders(replayId: string): readonly RecordHeader[] {
  return [...replayHeaders(replayId), { key: differenceHeader, value: Buffer.from('1', 'utf8') }];
}

/** Undefined: the event is told for the first time. */
export function replayIdOf({ headers }: Pick<FetchedRecord, 'headers'>): string | undefined {
  if (headers.length === 0) return undefined;
  if (headers.some(({ key }) => key === differenceHeader)) return undefined;
  return headers.find(({ key }) => key === replayIdHeader)?.value?.toString('utf8');
}
