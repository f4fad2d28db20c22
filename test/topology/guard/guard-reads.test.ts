/** What deciding reads: as much as overlaps, and nothing that was not named before. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import { decide, type DecisionContext } from '../../../topology/guard/decide.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import type { GuardState } from '../../../topology/guard/guard-state.ts';
import { readSteps, type ReadSet } from '../../../topology/guard/read-set.ts';
import { lockCommand, openHotel, startMs, type Owner } from './guard-fixtures.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { capturedHotel, histories } from './random-commands.ts';

/** A hotel with two rooms and this many two-night stays in each, one after the other. */
function hotelWith(staysPerRoom: number): Owner {
  const owner = openHotel(['101', '102', '103']);
  const ttlSeconds = 86_400;
  for (let i = 0; i < staysPerRoom; i += 1) {
    const stayStart = addDays('2026-06-01', 2 * i);
    const stay = { stayStart, stayEnd: addDays(stayStart, 2), ttlSeconds };
    for (const roomId of ['101', '102']) {
      owner.held({ ...stay, roomId, reservationId: undefined, idempotencyKey: `${roomId}/${i}` });
    }
  }
  return owner;
}

function visitsOf(owner: Owner, changes: Parameters<typeof lockCommand>[0]): number {
  const before = owner.state.visits;
  const { nowMs, options } = owner;
  decide(owner.state, lockCommand(changes), { nowMs, options });
  return owner.state.visits - before;
}

describe('the cost of a decision', () => {
  test.each([
    ['a free room', { roomId: '103' }],
    ['a held room', { roomId: '101' }],
    ['any room of the type', {}],
  ])('for %s grows with what overlaps it, not with the number of holds', (_title, wanted) => {
    const [few, many] = [hotelWith(20), hotelWith(1000)];
    const week = { stayStart: '2026-06-10', stayEnd: '2026-06-17' };
    const fortnight = { stayStart: '2026-06-10', stayEnd: '2026-06-24' };

    const visits = [few, many].map((owner) => visitsOf(owner, { ...wanted, ...week }));
    const longer = visitsOf(many, { ...wanted, ...fortnight });

    expect(visits[1]).toBe(visits[0]);
    expect(visits[1]).toBeLessThan(50);
    expect(longer).toBeLessThan(100);
  });

  test('of a repeat is its slot and its hold', () => {
    const owner = hotelWith(200);
    const wanted = { reservationId: undefined, idempotencyKey: '101/7', roomId: '101' };

    const visits = visitsOf(owner, { ...wanted, stayStart: '2026-06-15', stayEnd: '2026-06-17' });

    expect(visits).toBe(1);
  });
});

/** Answers only what was named to be loaded. */
class LoadedState implements GuardState {
  readonly #state: GuardState;
  readonly #sets: readonly ReadSet[];

  constructor(state: GuardState, sets: readonly ReadSet[]) {
    this.#state = state;
    this.#sets = sets;
  }

  #need<Name extends keyof ReadSet>(
    name: Name,
    ...isLoaded: ((named: NonNullable<ReadSet[Name]>) => boolean)[]
  ): void {
    const isThere = this.#sets.some((set) => {
      const named = set[name];
      return named !== undefined && isLoaded.every((test) => test(named));
    });
    if (!isThere) throw new Error(`${name} were read, but not named`);
  }

  #needNights(partitionKey: string, from: string | undefined, to: string | undefined): void {
    this.#need('nights', (all) =>
      all.some(
        ({ partitionKey: one, range }) =>
          one === partitionKey &&
          (range === undefined ||
            (from !== undefined && to !== undefined && range.from <= from && to <= range.to)),
      ),
    );
  }

  slot(partitionKey: string, slot: string): ReturnType<GuardState['slot']> {
    this.#need('slots', (all) =>
      all.some((one) => one.partitionKey === partitionKey && one.slot === slot),
    );
    return this.#state.slot(partitionKey, slot);
  }

  lock(lockId: string): ReturnType<GuardState['lock']> {
    this.#need('lockIds', (all) => all.includes(lockId));
    return this.#state.lock(lockId);
  }

  roomHolds(...[room, window]: Parameters<GuardState['roomHolds']>): readonly string[] {
    this.#need('roomDays', (all) =>
      all.some(
        (one) =>
          one.tenantId === room.tenantId &&
          one.roomId === room.roomId &&
          (one.window === undefined ||
            (window !== undefined &&
              one.window.fromMs <= window.fromMs &&
              window.toMs <= one.window.toMs)),
      ),
    );
    return this.#state.roomHolds(room, window);
  }

  heldOn(partitionKey: string, night: string): number {
    this.#needNights(partitionKey, night, night);
    return this.#state.heldOn(partitionKey, night);
  }

  holdersOn(partitionKey: string, night: string, limit: number): readonly string[] {
    this.#needNights(partitionKey, night, night);
    return this.#state.holdersOn(partitionKey, night, limit);
  }

  typeHolds(...[key, range]: Parameters<GuardState['typeHolds']>): readonly string[] {
    this.#needNights(key, range?.from, range?.to);
    return this.#state.typeHolds(key, range);
  }

  nightsHeld(partitionKey: string): readonly string[] {
    this.#needNights(partitionKey, undefined, undefined);
    return this.#state.nightsHeld(partitionKey);
  }

  typesHeld(): readonly string[] {
    this.#need('typesHeld');
    return this.#state.typesHeld();
  }

  reservationHolds(tenantId: string, reservationId: string): readonly string[] {
    this.#need('reservations', (all) => all.some((one) => one.reservationId === reservationId));
    return this.#state.reservationHolds(tenantId, reservationId);
  }

  dueHolds(atMs: number, limit: number): readonly string[] {
    this.#need('due', (due) => due.atMs === atMs && due.limit === limit);
    return this.#state.dueHolds(atMs, limit);
  }

  forgettable(beforeMs: number, limit: number): readonly string[] {
    this.#need('forgettable', (one) => one.beforeMs === beforeMs && one.limit === limit);
    return this.#state.forgettable(beforeMs, limit);
  }

  room(room: Parameters<GuardState['room']>[0]): ReturnType<GuardState['room']> {
    this.#need('rooms', (all) => all.some(({ roomId }) => roomId === room.roomId));
    return this.#state.room(room);
  }

  property(one: Parameters<GuardState['property']>[0]): ReturnType<GuardState['property']> {
    const { tenantId, propertyId } = one;
    this.#need('properties', (all) =>
      all.some((named) => named.tenantId === tenantId && named.propertyId === propertyId),
    );
    return this.#state.property(one);
  }

  typeRooms(partitionKey: string): ReturnType<GuardState['typeRooms']> {
    this.#need('types', (all) => all.includes(partitionKey));
    return this.#state.typeRooms(partitionKey);
  }

  sellLimit(partitionKey: string, night: string): number | undefined {
    this.#need('types', (all) => all.includes(partitionKey));
    return this.#state.sellLimit(partitionKey, night);
  }

  lastVersion(partitionKey: string): number {
    this.#need('types', (all) => all.includes(partitionKey));
    return this.#state.lastVersion(partitionKey);
  }

  isCatalogueComplete(): boolean {
    return this.#state.isCatalogueComplete();
  }

  lastDecisionMs(): number {
    return this.#state.lastDecisionMs();
  }
}

describe('the read set', () => {
  test('names in three steps everything that is read, whatever is decided', () => {
    fc.assert(
      fc.property(histories, ({ options, sellLimits, isCaptured, drawn, steps }) => {
        const state = new MemoryGuardState({ sellLimits });
        let nowMs = startMs;
        if (isCaptured) for (const row of capturedHotel) decideNow(state, row, { nowMs, options });
        for (const { afterMs, input } of steps) {
          nowMs += afterMs;
          const asked = input(state, drawn);
          if (asked.kind === 'confirm') continue;
          const context: DecisionContext = { nowMs, options };
          for (const one of [{ kind: 'expire', limit: 50 } as const, asked]) {
            const sets: ReadSet[] = [];
            for (const read of readSteps)
              sets.push(read(new LoadedState(state, sets), one, context));

            const careful = decide(new LoadedState(state, sets), one, context);

            const { decision } = decideNow(state, one, context);
            if (one.kind !== 'expire') expect(careful.answer).toEqual(decision.answer);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
