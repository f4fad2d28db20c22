/**
 * Keeps what is known of each reservation of one partition, and orders of the guard what follows from
 * it. Records of reservations that are long over are forgotten.
 */
import type {
  KeyValueStore,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../../streams/index.ts';
import { reconcile, type Order } from './reconcile.ts';
import {
  emptyRecord,
  isHeld,
  withInput,
  type ReservationInput,
  type ReservationRecord,
} from './reservation-record.ts';

export const reservationStore = 'reservations';

const dayMs = 86_400_000;
const forgetIntervalMs = 3_600_000;
const forgetPageSize = 1_000;
/** A reservation that nothing was heard of for so long, and that nothing is held for. */
const forgottenAfterMs = 60 * dayMs;

export class ReservationProcessor implements Processor<string, ReservationInput> {
  #context!: ProcessorContext;
  #records!: KeyValueStore<string, ReservationRecord>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#records = context.store(reservationStore);
    context.schedule(forgetIntervalMs, 'wall-clock', () => this.#forget());
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
    const known = found ?? emptyRecord(value);
    const learnt = withInput(known, value);
    if (learnt === known) return;
    const { record, orders } = reconcile(learnt);
    this.#records.put(key, { ...record, touchedAtMs: Math.floor(this.#context.nowMs()) });
    for (const order of orders) {
      void this.#context.forward({ key, value: order satisfies Order, timestampMs });
    }
  }

  async #forget(): Promise<void> {
    const beforeMs = this.#context.nowMs() - forgottenAfterMs;
    let from: string | undefined;
    for (;;) {
      const page = await this.#records.range(from, undefined, { limit: forgetPageSize });
      for (const [key, record] of page) {
        const isOver = record.touchedAtMs < beforeMs && !Object.values(record.holds).some(isHeld);
        if (isOver) this.#records.delete(key);
      }
      const last = page.at(-1)?.[0];
      if (page.length < forgetPageSize || last === undefined) return;
      // The next key in byte order.
      from = `${last}\u0000`;
    }
  }
}
