/** What instances that had stood still said afterwards to whoever had asked them before or meanwhile. */
import type { Attempt } from '../load/http-window.ts';
import type { Span } from './instance.ts';

/** Counts of such answers by kind: how much the check of every grant had to look at. */
export function zombieAnswers(
  attempts: readonly Attempt[],
  frozen: ReadonlyMap<string, readonly Span[]>,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { place, askedMs, answeredMs, kind } of attempts) {
    const spans = frozen.get(place) ?? [];
    if (!spans.some(({ toMs }) => askedMs <= toMs && answeredMs >= toMs)) continue;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
