/** When each hold was held, and how full each night was, so that a refusal can be held against its moment. */

/** By the guard's decision clock. */
export interface Moment {
  readonly fromMs: number;
  readonly toMs: number;
}

interface HeldSpan {
  readonly fromMs: number;
  toMs: number;
  readonly nights: readonly string[];
}

interface Step {
  readonly atMs: number;
  readonly count: number;
}

export class HoldHistory {
  readonly #spans = new Map<string, HeldSpan[]>();
  readonly #counts = new Map<string, Step[]>();

  held(lockId: string, nights: readonly string[], atMs: number): void {
    const spans = this.#spans.get(lockId) ?? [];
    spans.push({ fromMs: atMs, toMs: Infinity, nights });
    this.#spans.set(lockId, spans);
  }

  ended(lockId: string, atMs: number): void {
    const last = this.#spans.get(lockId)?.at(-1);
    if (last !== undefined) last.toMs = Math.min(last.toMs, atMs);
  }

  /** @param night of a type, named by both. */
  counted(night: string, count: number, atMs: number): void {
    const steps = this.#counts.get(night) ?? [];
    steps.push({ atMs, count });
    this.#counts.set(night, steps);
  }

  /** True when the hold was live at some moment of these, with one of the nights. */
  wasHeld(lockId: string, nights: readonly string[], { fromMs, toMs }: Moment): boolean {
    return (this.#spans.get(lockId) ?? []).some(
      (span) =>
        span.fromMs <= toMs &&
        span.toMs >= fromMs &&
        span.nights.some((night) => nights.includes(night)),
    );
  }

  /** For a message: the spans of this hold. */
  told(lockId: string): string {
    const spans = this.#spans.get(lockId) ?? [];
    return spans.map(({ fromMs, toMs }) => `${fromMs} to ${toMs}`).join(', ') || 'never';
  }

  /** The most holds that a night had at some moment of these. */
  mostHeld(night: string, { fromMs, toMs }: Moment): number {
    const steps = this.#counts.get(night) ?? [];
    let before = 0;
    let most = 0;
    for (const { atMs, count } of steps) {
      if (atMs > toMs) break;
      if (atMs < fromMs) before = count;
      else most = Math.max(most, count);
    }
    return Math.max(before, most);
  }
}
