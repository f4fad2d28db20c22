/** What deciding reads: as much as overlaps. */
import { describe, expect, test } from '@jest/globals';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import { decide } from '../../../topology/guard/decide.ts';
import { lockCommand, openHotel, type Owner } from './guard-fixtures.ts';

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
