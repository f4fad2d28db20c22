/**
 * Keeps what is known of each reservation of one partition, and orders of the guard what follows from
 * it. Records of reservations that are long over are forgotten.
 *
 * What has been ordered is a memory of deeds, which no captured row tells of: a replay reads the facts
 * again over it, and learns, and orders, only what is news.
 */
import type {
  KeyValueStore,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../../streams/index.ts';
import { driftOf, legacyOutcomeOf } from './legacy-outcome.ts';
import { reconcile, type Order } from './reconcile.ts';
import type { LegacyOutcome, ReservationMeter } from './reservation-meter.ts';
import {
  emptyRecord,
  isHeld,
  withInput,
  type ReservationInput,
  type ReservationRecord,
} from './reservation-record.ts';

export const reservationStore = 'reservations';

const dayMs = 86_400_000;
const conflictIntervalMs = 60_000;
const conflictsMax = 100_000;
/** The platform takes seconds; what it has not answered by then it never does. */
const unansweredAfterMs = 15 * 60_000;
const forgetIntervalMs = 3_600_000;
const forgetPageSize = 1_000;
/** A reservation that nothing was heard of for so long, and that nothing is held for. */
const forgottenAfterMs = 60 * dayMs;

export class ReservationProcessor implements Processor<string, ReservationInput> {
  readonly #meter: ReservationMeter;
  readonly #isReplay: boolean;
  /** When each open conflict was, by reservation; of this process. */
  readonly #conflicts = new Map<string, number>();
  #context!: ProcessorContext;
  #records!: KeyValueStore<string, ReservationRecord>;

  /** @param isReplay what is read was read before. */
  constructor(meter: ReservationMeter, isReplay = false) {
    this.#meter = meter;
    this.#isReplay = isReplay;
  }

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#records = context.store(reservationStore);
    // In a replay nothing comes of the time.
    if (this.#isReplay) return;
    context.schedule(forgetIntervalMs, 'wall-clock', () => this.#forget());
    context.schedule(conflictIntervalMs, 'wall-clock', () => this.#giveUpConflicts());
  }

  load(records: readonly StreamRecord<string, ReservationInput>[]): Promise<void> {
    return this.#records.load(records.map(({ key }) => key));
  }

  process(record: StreamRecord<string, ReservationInput>): MaybePromise<void> {
    const found = this.#records.get(record.key);
    if (found instanceof Promise) return found.then((known) => this.#learn(record, known));
    this.#learn(record, found);
    return undefined;
  }

  #learn(
    { key, value, timestampMs }: StreamRecord<string, ReservationInput>,
    found: ReservationRecord | undefined,
  ): void {
    if (found === undefined && this.#isForgotten(timestampMs)) return;
    const known = found ?? emptyRecord(value);
    const learnt = withInput(known, value);
    if (learnt === known) return;
    const { record, orders } = reconcile(learnt);
    const measured = this.#measure(key, value, record);
    this.#records.put(key, { ...measured, touchedAtMs: Math.floor(this.#context.nowMs()) });
    for (const order of orders) {
      void this.#context.forward({ key, value: order satisfies Order, timestampMs });
    }
  }

  /**
   * Of a reservation that nothing is known of, a fact so old was not missed: what it was has been
   * forgotten since. Only in a replay: to a service that has stood still for long it is news.
   */
  #isForgotten(timestampMs: number): boolean {
    return this.#isReplay && timestampMs < this.#context.nowMs() - forgottenAfterMs;
  }

  /** @returns the record, without the conflict that it answers. */
  #measure(key: string, input: ReservationInput, record: ReservationRecord): ReservationRecord {
    const nowMs = this.#context.nowMs();
    const isEnd = input.kind === 'command' ? input.effect === 'end' : input.kind === 'hold';
    const driftMs = isEnd ? driftOf(record) : undefined;
    if (driftMs !== undefined) this.#meter.drift(driftMs, nowMs);
    if (input.kind === 'conflict' && this.#conflicts.size < conflictsMax) {
      this.#conflicts.set(key, nowMs);
    }
    const outcome = legacyOutcomeOf(record);
    if (outcome === undefined) return record;
    this.#conflicts.delete(key);
    return this.#answered(record, outcome);
  }

  /** Nothing was heard of them for long enough. */
  async #giveUpConflicts(): Promise<void> {
    const nowMs = this.#context.nowMs();
    this.#meter.tick(nowMs);
    for (const [key, atMs] of this.#conflicts) {
      if (atMs > nowMs - unansweredAfterMs) continue;
      this.#conflicts.delete(key);
      const record = await this.#records.get(key);
      if (record?.conflictAtMs === undefined) continue;
      this.#records.put(key, this.#answered(record, 'unknown'));
    }
  }

  #answered(record: ReservationRecord, outcome: LegacyOutcome): ReservationRecord {
    this.#meter.conflict(record.tenantId, outcome, record.conflicts);
    return { ...record, conflictAtMs: undefined, conflicts: undefined };
  }

  async #forget(): Promise<void> {
    const beforeMs = this.#context.nowMs() - forgottenAfterMs;
    let from: string | undefined;
    for (;;) {
      const page = await this.#records.range(from, undefined, { limit: forgetPageSize });
      for (const [key, record] of page) {
        const isOver = record.touchedAtMs < beforeMs && !Object.values(record.holds).some(isHeld);
        if (isOver) this.#records.delete(key);
        // Of an owner before this one, or too many at once.
        const isOpen = record.conflictAtMs !== undefined && !this.#conflicts.has(key);
        if (isOpen && !isOver) this.#conflicts.set(key, record.conflictAtMs);
      }
      const last = page.at(-1)?.[0];
      if (page.length < forgetPageSize || last === undefined) return;
      // The next key in byte order.
      from = `${last}\u0000`;
    }
  }
}
