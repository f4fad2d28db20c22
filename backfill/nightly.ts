/**
 * When the nightly sweep is due: once a UTC day, at or after its time. Each tenant's checkpoint says when it
 * was swept last, so whoever leads then makes up for a night on which nobody did.
 */

/** `HH:MM`, UTC; undefined: never. */
export type NightlyAt = string | undefined;

/** The latest time at which a sweep was due, milliseconds since 1970; undefined: it never is. */
export function lastSweepDueMs(nightlyAt: NightlyAt, nowMs: number): number | undefined {
  if (nightlyAt === undefined) return undefined;
  const [hours = 0, minutes = 0] = nightlyAt.split(':').map(Number);
  const dayMs = 86_400_000;
  const todayMs = Math.floor(nowMs / dayMs) * dayMs + (hours * 60 + minutes) * 60_000;
  return todayMs <= nowMs ? todayMs : todayMs - dayMs;
}
