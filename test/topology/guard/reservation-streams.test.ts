/**
 * Whatever order the platform's streams, the guard's own and callers come in, in the end every live
 * reservation has the stay of its row, and an ended one nothing that it was sold with. The streams are
 * queues here; each step takes from one of them.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import { defaultGuardOptions } from '../../../topology/guard/guard-options.ts';
import type { GuardInput } from '../../../topology/guard/input.ts';
import { isLive } from '../../../topology/guard/lock.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { holdFactOf } from '../../../topology/guard/reservations/hold-fact.ts';
import { reconcile } from '../../../topology/guard/reservations/reconcile.ts';
import {
  emptyRecord,
  withInput,
  type ReservationInput,
  type ReservationRecord,
} from '../../../topology/guard/reservations/reservation-record.ts';
import type { StoredLock } from '../../../topology/guard/stored-lock.ts';
import {
  helsinki,
  lockCommand,
  propertyId,
  roomRow,
  standard,
  startMs,
  suite,
  tenantId,
} from './guard-fixtures.ts';

const reservationIds = ['R1', 'R2'];
const rooms = [
  ['101', standard],
  ['102', standard],
  ['201', suite],
] as const;

const pick = <Value>(...values: readonly Value[]): fc.Arbitrary<Value> =>
  fc.constantFrom(...values);

const stays = fc.record({
  roomTypeId: pick(standard, suite),
  roomNumber: pick(undefined, undefined, '101', '201'),
  firstNight: fc.integer({ min: 0, max: 3 }),
  nights: fc.integer({ min: 1, max: 2 }),
});
const events = fc.oneof(
  fc.record({
    do: pick('row' as const),
    reservationId: pick(...reservationIds),
    status: pick('CONFIRMED', 'CONFIRMED', 'CHECKED_IN', 'CANCELLED', 'CHECKED_OUT', 'QUOTED'),
    stay: stays,
    tells: pick('both', 'row', 'row'),
  }),
  fc.record({
    do: pick('lock' as const),
    reservationId: pick(...reservationIds),
    stay: stays,
    key: pick(undefined, undefined, 'own-key'),
    ttlSeconds: pick(1, 60, 7_200),
  }),
  fc.record({ do: pick('wait' as const), ms: pick(10, 2_000, 120_000) }),
  fc.record({ do: pick('deliver' as const), stream: fc.integer({ min: 0, max: 99 }) }),
  fc.record({ do: pick('deliver' as const), stream: fc.integer({ min: 0, max: 99 }) }),
  fc.record({ do: pick('deliver' as const), stream: fc.integer({ min: 0, max: 99 }) }),
);
type Event = typeof events extends fc.Arbitrary<infer Value> ? Value : never;

const dateOf = (night: number): string => addDays('2026-05-10', night);

/** Two partitions, one of each type, and one of reservations. */
class Streams {
  nowMs = startMs;
  readonly partitions = new Map([
    [standard, new MemoryGuardState()],
    [suite, new MemoryGuardState()],
  ]);
  readonly records = new Map<string, ReservationRecord>();
  readonly rows = new Map<string, ReservationInput & { readonly kind: 'row' }>();
  readonly #toReservations: Record<'rows' | 'commands' | 'holds', ReservationInput[]> = {
    ...{ rows: [], commands: [], holds: [] },
  };
  readonly #orders = new Map<string, GuardInput[]>([
    [standard, []],
    [suite, []],
  ]);
  #version = 0;

  constructor() {
    for (const type of this.partitions.keys()) {
      this.#decide(type, { kind: 'property', tenantId, propertyId, row: helsinki });
      for (const [roomNumber, roomTypeId] of rooms) {
        const row = roomRow(roomNumber, { roomTypeId, roomNumber });
        this.#decide(type, { kind: 'room', tenantId, roomId: roomNumber, row });
      }
      this.#decide(type, { kind: 'catalogue', isComplete: true });
    }
  }

  play(event: Event): void {
    switch (event.do) {
      case 'wait':
        this.nowMs += event.ms;
        for (const type of this.partitions.keys())
          this.#decide(type, { kind: 'expire', limit: 50 });
        return;
      case 'deliver':
        this.#deliver(event.stream);
        return;
      case 'lock': {
        const { reservationId, key: idempotencyKey, ttlSeconds, stay } = event;
        const command = lockCommand({
          ...{ reservationId, idempotencyKey, ttlSeconds, roomTypeId: stay.roomTypeId },
          stayStart: dateOf(stay.firstNight),
          stayEnd: dateOf(stay.firstNight + stay.nights),
        });
        this.#decide(stay.roomTypeId, command);
        return;
      }
      case 'row':
        this.#write(event);
    }
  }

  settle(): void {
    while (this.#open().length > 0) this.#deliver(0);
  }

  liveHolds(): readonly StoredLock[] {
    return [...this.partitions.values()].flatMap((state) => state.locks()).filter(isLive);
  }

  #write({ reservationId, status, stay, tells }: Event & { readonly do: 'row' }): void {
    this.nowMs += 10_000;
    this.#version += 1;
    const standing = status === 'QUOTED' ? 'open' : status.startsWith('C') ? 'live' : 'ended';
    const isEnded = ['CANCELLED', 'CHECKED_OUT'].includes(status);
    const row = {
      ...({ kind: 'row', tenantId, reservationId, propertyId, status } as const),
      standing: isEnded ? 'ended' : standing,
      version: String(this.#version).padStart(8, '0'),
      roomTypeId: stay.roomTypeId,
      roomNumber: stay.roomNumber,
      arrivalDate: dateOf(stay.firstNight),
      departureDate: dateOf(stay.firstNight + stay.nights),
      writtenAtMs: this.nowMs,
    } as const;
    this.rows.set(reservationId, row);
    this.#toReservations.rows.push(row);
    if (tells !== 'both' || row.standing === 'open') return;
    this.#toReservations.commands.push({
      ...{ kind: 'command', tenantId, reservationId, eventId: `event-${this.#version}` },
      commandName: isEnded ? 'reservation.cancel' : 'reservation.modify',
      effect: isEnded ? 'end' : 'stay',
      createdAtMs: this.nowMs - 100,
      appliedAtMs: this.nowMs,
    });
  }

  /** Streams that have something, each with what takes its next. */
  #open(): readonly (() => void)[] {
    const { rows, commands, holds } = this.#toReservations;
    const queues = [rows, commands, holds].filter((queue) => queue.length > 0);
    const orders = [...this.#orders].filter(([, queue]) => queue.length > 0);
    return [
      ...queues.map((queue) => () => this.#learn(queue.shift()!)),
      ...orders.map(
        ([type, queue]) =>
          () =>
            this.#decide(type, queue.shift()!),
      ),
    ];
  }

  #deliver(stream: number): void {
    const open = this.#open();
    open[stream % Math.max(1, open.length)]?.();
  }

  #learn(input: ReservationInput): void {
    const known = this.records.get(input.reservationId) ?? emptyRecord(input);
    const { record, orders } = reconcile(withInput(known, input));
    this.records.set(input.reservationId, record);
    for (const order of orders) {
      const type = order.kind === 'platform-stay' ? order.roomTypeId : this.#typeOf(order.lockId);
      this.#orders.get(type)?.push(order);
    }
  }

  #typeOf(lockId: string): string {
    return this.partitions.get(standard)?.lock(lockId) === undefined ? suite : standard;
  }

  #decide(type: string, input: GuardInput): void {
    const state = this.partitions.get(type)!;
    const context = { nowMs: this.nowMs, options: defaultGuardOptions };
    const { expiries, decision } = decideNow(state, input, context);
    for (const change of [...expiries, decision].flatMap(({ changes }) => changes)) {
      const fact = change.kind === 'lock' ? holdFactOf(change.after) : undefined;
      if (fact !== undefined) this.#toReservations.holds.push(fact);
    }
  }
}

describe('the streams of the guard', () => {
  test('come to what the platform sold, in whatever order they are heard', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 1, maxLength: 40 }), (history) => {
        const streams = new Streams();
        for (const event of history) streams.play(event);
        streams.settle();
        // What was only asked for is gone by now.
        streams.play({ do: 'wait', ms: 8_000_000 });
        streams.settle();

        const problems = reservationIds.flatMap((id) => problemsOf(streams, id));
        expect([...problems, ...roomsHeldTwice(streams.liveHolds())]).toEqual([]);
      }),
      { numRuns: 5_000 },
    );
  });
});

function problemsOf(streams: Streams, reservationId: string): readonly string[] {
  const row = streams.rows.get(reservationId);
  const holds = streams.liveHolds().filter((lock) => lock.reservationId === reservationId);
  const found = holds.map(
    ({ roomTypeId, status, nights }) => `${roomTypeId} ${status} ${nights.join(' ')}`,
  );
  if (row?.standing === 'ended') return found.map((hold) => `${reservationId} ended, but ${hold}`);
  if (row?.standing !== 'live') return [];
  // Further rooms of the reservation have keys of their own.
  const others = holds.filter(({ slot }) => slot !== `reservation:${reservationId}`);
  const nights = nightsFrom(row.arrivalDate, row.departureDate).join(' ');
  const wanted = `${row.roomTypeId} CONFIRMED ${nights}`;
  if (!found.includes(wanted)) return [`${reservationId}: ${wanted} is not in ${found.join(', ')}`];
  const isAlone = found.length === 1 || others.length > 0;
  return isAlone ? [] : [`${reservationId}: more than ${wanted} is held: ${found.join(', ')}`];
}

function nightsFrom(arrival: string, departure: string): readonly string[] {
  const nights: string[] = [];
  for (let night = arrival; night < departure; night = addDays(night, 1)) nights.push(night);
  return nights;
}

function roomsHeldTwice(holds: readonly StoredLock[]): readonly string[] {
  return holds.flatMap((lock, at) =>
    holds
      .slice(at + 1)
      .filter(
        (other) =>
          lock.roomId !== undefined &&
          other.roomId === lock.roomId &&
          lock.stayStartMs < other.stayEndMs &&
          other.stayStartMs < lock.stayEndMs,
      )
      .map((other) => `${lock.lockId} and ${other.lockId} have room ${lock.roomId}`),
  );
}
