/**
 * Compares what the guard released with what the ledger entered, reservation by reservation. One side
 * alone is a mismatch when the other has not come in time. Stores: `sides` by reservation; `overdue`, an
 * index of those that wait for their other side, by the time at which that is over.
 */
import type { Counter } from '../../../kernel/metrics.ts';
import type {
  KeyValueStore,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../../streams/index.ts';
import {
  comparisonOf,
  noSides,
  withSide,
  type CancellationSide,
  type Sides,
} from './cancellation-sides.ts';

export const cancellationStores = { sides: 'sides', overdue: 'overdue' } as const;

/** Milliseconds since 1970 in the width of all of them, reservation key. */
export type OverdueKey = readonly [time: string, key: string];

/** Longer than one of the two services is away in a restart. */
const graceMs = 10 * 60_000;
const sweepIntervalMs = 10_000;
const overduePerSweepMax = 1_000;
const timeDigits = 15;

export class CancellationProcessor implements Processor<string, CancellationSide> {
  readonly #comparisons: Counter;
  #context!: ProcessorContext;
  #sides!: KeyValueStore<string, Sides>;
  #overdue!: KeyValueStore<OverdueKey, string>;

  /** @param comparisons `roll_service_release_comparisons_total{result}` */
  constructor(comparisons: Counter) {
    this.#comparisons = comparisons;
  }

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#sides = context.store(cancellationStores.sides);
    this.#overdue = context.store(cancellationStores.overdue);
    context.schedule(sweepIntervalMs, 'wall-clock', (nowMs) => this.#sweep(nowMs));
  }

  load(records: readonly StreamRecord<string, CancellationSide>[]): Promise<void> {
    return this.#sides.load(records.map(({ key }) => key));
  }

  async process({ key, value }: StreamRecord<string, CancellationSide>): Promise<void> {
    const before = (await this.#sides.get(key)) ?? noSides;
    const after = this.#counted(withSide(before, value), false);
    this.#sides.put(key, after);
    if (after.counted === 'match') return;
    this.#overdue.put([timeOf(this.#context.nowMs() + graceMs), key], key);
  }

  async #sweep(nowMs: number): Promise<void> {
    const due = await this.#overdue.range(undefined, [timeOf(nowMs), ''], {
      limit: overduePerSweepMax,
    });
    for (const [at, key] of due) {
      this.#overdue.delete(at);
      const sides = await this.#sides.get(key);
      if (sides !== undefined) this.#sides.put(key, this.#counted(sides, true));
    }
  }

  #counted(sides: Sides, isOverdue: boolean): Sides {
    const result = comparisonOf(sides, isOverdue);
    if (result === undefined) return sides;
    this.#comparisons.add(1, { result });
    return { ...sides, counted: result };
  }
}

function timeOf(ms: number): string {
  return String(ms).padStart(timeDigits, '0');
}
