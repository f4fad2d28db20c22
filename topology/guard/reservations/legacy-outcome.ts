/** What the platform did with a stay that the guard had a conflict for, and how late the guard ended one: pure. */
import type { LegacyOutcome } from './reservation-meter.ts';
import { isHeld, type ReservationRecord } from './reservation-record.ts';

/** The platform's clock and the guard's are two. */
const clockDoubtMs = 5_000;

/** Undefined: nothing was heard since the conflict. */
export function legacyOutcomeOf({
  row,
  commands,
  conflictAtMs,
}: ReservationRecord): LegacyOutcome | undefined {
  if (conflictAtMs === undefined) return undefined;
  const sinceMs = conflictAtMs - clockDoubtMs;
  const effects = Object.values(commands)
    .filter(({ appliedAtMs }) => appliedAtMs >= sinceMs)
    .map(({ effect }) => effect);
  const isNewRow = row !== undefined && row.writtenAtMs >= sinceMs;
  if (effects.includes('stay') || (isNewRow && row.standing === 'live')) return 'allowed';
  const isEnded = isNewRow && row.standing === 'ended';
  return effects.includes('died') || effects.includes('end') || isEnded ? 'refused' : undefined;
}

/**
 * Milliseconds from the command that ended the reservation to the end of its last hold; undefined while
 * one of them is not known. A hold that was taken after that end, as by a guard that catches up, has none.
 */
export function driftOf({ row, commands, holds }: ReservationRecord): number | undefined {
  const all = Object.values(holds);
  if (all.some(isHeld)) return undefined;
  let last: { readonly endedAtMs: number; readonly grantedAtMs: number } | undefined;
  const ends = Object.values(commands).filter(({ effect }) => effect === 'end');
  // What a caller released was no business of the stream's.
  const reasons = new Set([row?.status, ...ends.map(({ commandName }) => commandName)]);
  for (const { status, endedAtMs, releaseReason, grantedAtMs } of all) {
    if (status !== 'RELEASED' || endedAtMs === undefined) continue;
    if (!reasons.has(releaseReason)) continue;
    if (endedAtMs > (last?.endedAtMs ?? -Infinity)) last = { endedAtMs, grantedAtMs };
  }
  const appliedAtMs = Math.max(...ends.map((end) => end.appliedAtMs));
  if (last === undefined || ends.length === 0 || last.grantedAtMs > appliedAtMs) return undefined;
  return last.endedAtMs - appliedAtMs;
}
