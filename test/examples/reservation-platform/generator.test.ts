/** The sample chain: reproducible, legal in every step, and with the trouble it is there to make. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generateChain, type Chain } from '../../../examples/reservation-platform/generator.ts';
import {
  createsReservation,
  isApplied,
  type CommandAction,
  type PlatformAction,
  type ReservationRow,
  type ReservationStatus,
} from '../../../examples/reservation-platform/model.ts';

const small = { tenants: 1, properties: 4, roomsPerProperty: 8, bookingsPerDay: 4, days: 12 };
const actionsOf = (chain: Chain): PlatformAction[] => [...chain.actions];
const commandsIn = (actions: readonly PlatformAction[]): CommandAction[] =>
  actions.filter((action) => action.kind === 'command');

/** The statuses a reservation may go to from each status; creation comes from undefined. */
const legalSteps: Readonly<Record<string, readonly ReservationStatus[]>> = {
  none: ['PENDING', 'CONFIRMED', 'QUOTED', 'CHECKED_IN'],
  QUOTED: ['QUOTED', 'EXPIRED'],
  PENDING: ['PENDING', 'CHECKED_IN', 'CANCELLED', 'NO_SHOW'],
  CONFIRMED: ['CONFIRMED', 'CHECKED_IN', 'CANCELLED', 'NO_SHOW'],
  CHECKED_IN: ['CHECKED_IN', 'CHECKED_OUT'],
};

/** Every applied change of a reservation, in order. */
function historiesOf(actions: readonly PlatformAction[]): Map<string, ReservationRow[]> {
  const histories = new Map<string, ReservationRow[]>();
  for (const action of actions) {
    if (action.kind === 'advance-date') continue;
    if (action.kind === 'command' && !isApplied(action)) continue;
    const history = histories.get(action.reservation.id) ?? [];
    histories.set(action.reservation.id, [...history, action.reservation]);
  }
  return histories;
}

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const runs = { numRuns: 15 };

describe('the sample chain', () => {
  test('is the same for the same seed and another for another seed', () => {
    const first = generateChain({ ...small, seed: 7 });

    expect(actionsOf(generateChain({ ...small, seed: 7 }))).toEqual(actionsOf(first));
    expect(actionsOf(first)).toEqual(actionsOf(first));
    expect(actionsOf(generateChain({ ...small, seed: 8 }))).not.toEqual(actionsOf(first));
  });

  test('goes forward in time, across all properties', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const times = actionsOf(generateChain({ ...small, seed })).map(({ atMs }) => atMs);

        expect(times).toEqual([...times].sort((left, right) => left - right));
      }),
      runs,
    );
  });

  test('takes every reservation through legal statuses only, beginning with its creation', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const actions = actionsOf(generateChain({ ...small, seed }));
        const created = new Set<string>();
        for (const action of commandsIn(actions)) {
          if (isApplied(action) && createsReservation(action.commandName)) {
            expect(created).not.toContain(action.reservation.id);
            created.add(action.reservation.id);
          }
        }
        for (const [id, history] of historiesOf(actions)) {
          expect(created).toContain(id);
          let status = 'none';
          for (const row of history) {
            expect(legalSteps[status]).toContain(row.status);
            status = row.status;
          }
        }
      }),
      runs,
    );
  });

  test('keeps dates, stays and money of every reservation consistent', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const history of historiesOf(actionsOf(generateChain({ ...small, seed }))).values()) {
          for (const row of history) {
            expect(row.check_in_date <= row.check_out_date).toBe(true);
            expect(row.room_rate).toMatch(/^\d+\.\d\d$/);
            expect(row.booking_date).not.toBe('');
            if (row.actual_check_out !== null) {
              expect(Date.parse(row.actual_check_out)).toBeGreaterThan(
                Date.parse(row.actual_check_in!),
              );
              expect(row.paid_amount).toBe(row.total_amount);
            }
          }
        }
      }),
      runs,
    );
  });

  test('never has two guests in one room at the same time', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const histories = historiesOf(actionsOf(generateChain({ ...small, seed })));
        const stays = [...histories.values()]
          .map((history) => history.at(-1)!)
          .filter((row) => row.actual_check_in !== null)
          .sort((left, right) => left.actual_check_in!.localeCompare(right.actual_check_in!));
        const occupiedUntil = new Map<string, string>();
        for (const row of stays) {
          const room = `${row.property_id}|${row.room_number}`;
          expect(occupiedUntil.get(room) ?? '').not.toMatch(/^in house$/);
          expect(row.actual_check_in! >= (occupiedUntil.get(room) ?? '')).toBe(true);
          occupiedUntil.set(room, row.actual_check_out ?? 'in house');
        }
      }),
      runs,
    );
  });

  test('closes every date of every property in order, the last one too', () => {
    const chain = generateChain({ ...small, seed: 3 });
    const closings = actionsOf(chain).filter((action) => action.kind === 'advance-date');

    for (const property of chain.setup.properties) {
      const dates = closings
        .filter(({ propertyId }) => propertyId === property.id)
        .map(({ businessDate }) => businessDate);
      expect(dates).toHaveLength(small.days);
      expect(dates).toEqual([...new Set(dates)].sort());
      expect(dates[0]).toBe(chain.setup.firstBusinessDate);
    }
  });

  test('ends each property with the closing of its last date', () => {
    const chain = generateChain({ ...small, seed: 4 });
    const last = new Map<string, PlatformAction>();
    for (const action of chain.actions) {
      last.set(
        action.kind === 'advance-date' ? action.propertyId : action.reservation.property_id,
        action,
      );
    }

    expect([...last.values()].map(({ kind }) => kind)).toEqual(
      chain.setup.properties.map(() => 'advance-date'),
    );
  });

  test('lets states regress, repeat, fail and go missing, and commands die', () => {
    const paths = new Set(
      commandsIn(actionsOf(generateChain({ seed: 1, days: 21 }))).map(({ path }) =>
        path.map(({ state }) => state).join(' '),
      ),
    );

    expect(paths).toContain('IN_PROGRESS PUBLISHED CONSUMED APPLIED');
    expect(paths).toContain('IN_PROGRESS CONSUMED APPLIED PUBLISHED');
    expect(paths).toContain('IN_PROGRESS FAILED IN_PROGRESS PUBLISHED CONSUMED APPLIED');
    expect(paths).toContain('IN_PROGRESS CONSUMED APPLIED FAILED');
    expect(paths).toContain('PUBLISHED APPLIED');
    expect([...paths].some((path) => path.endsWith('DLQ'))).toBe(true);
  });

  test('has commands with and without a stay, and rows that end without a command', () => {
    const actions = actionsOf(generateChain({ seed: 1, days: 21 }));
    const commands = commandsIn(actions);
    const withStay = commands.filter(({ stay }) => stay !== undefined);

    expect(withStay.length).toBeGreaterThan(0);
    expect(withStay.length).toBeLessThan(commands.length / 2);
    expect(
      new Set(
        actions
          .filter(({ kind }) => kind === 'row-change')
          .map((action) => {
            return action.kind === 'row-change' ? action.reservation.status : undefined;
          }),
      ),
    ).toEqual(new Set(['CANCELLED', 'EXPIRED']));
  });

  test('goes on for ever when its days are infinite', () => {
    let taken = 0;
    for (const action of generateChain({ seed: 1, days: Infinity }).actions) {
      taken += 1;
      if (taken === 5000) {
        expect(action.atMs).toBeGreaterThan(Date.parse('2026-04-20'));
        break;
      }
    }

    expect(taken).toBe(5000);
  });
});
