/** A row that the backfill reads says what the captured one says. */
import { describe, expect, test } from '@jest/globals';
import { KnownVersions } from '../../backfill/known-versions.ts';
import { RowFacts } from '../../backfill/row-facts.ts';
import type { Row } from '../../database/connection.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { RowChange } from '../../topology/captured/row-change.ts';
import { capturedTables } from '../../topology/roll/captured-rows.ts';
import {
  lifecycleColumns,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from '../topology/roll/roll-fixtures.ts';

/** As `database/connection.ts` gives them: dates, instants, amounts and JSON are Postgres' text. */
const commandRow = {
  event_id: 'e0000000-0000-4000-8000-000000000001',
  tenant_id: tenantId,
  reservation_id: reservationId,
  command_name: 'reservation.check_out',
  current_state: 'PUBLISHED',
  state_transitions:
    '[{"state": "APPLIED", "timestamp": "2026-05-13T08:00:05.123456Z"}, {"state": "PUBLISHED"}]',
  metadata: '{"stay": {"check_in": "2026-05-10", "property_id": null}, "source": "desk"}',
  created_at: '2026-05-13 07:59:59.999999+00',
  updated_at: '2026-05-13 08:00:06.5+00',
};
const reservationRow = {
  id: reservationId,
  tenant_id: tenantId,
  property_id: propertyId,
  status: 'CHECKED_OUT',
  check_in_date: '2026-05-10',
  check_out_date: '2026-05-13',
  actual_check_in: '2026-05-10 12:00:00.000001',
  actual_check_out: '2026-05-13 08:00:00',
  room_rate: '75.50',
  currency: 'EUR',
  cancellation_date: null,
  cancellation_fee: null,
  expired_at: null,
  no_show_date: null,
  no_show_fee: null,
  created_at: '2026-04-01 09:00:00',
  updated_at: '2026-05-13 08:00:01',
  is_deleted: false,
};
const lifecycle = lifecycleColumns({
  event_id: commandRow.event_id,
  command_name: 'reservation.check_out',
  current_state: 'PUBLISHED',
  state_transitions: commandRow.state_transitions,
  metadata: commandRow.metadata,
  created_at: '2026-05-13T07:59:59.999999Z',
  updated_at: '2026-05-13T08:00:06.500000Z',
});
const reservation = reservationColumns({
  status: 'CHECKED_OUT',
  actual_check_in: micros('2026-05-10T12:00:00Z') + 1,
  actual_check_out: micros('2026-05-13T08:00:00Z'),
  updated_at: micros('2026-05-13T08:00:01Z'),
});

async function captured(
  table: 'lifecycle' | 'reservations',
  after: object,
): Promise<{ readonly key: string | undefined; readonly fact: object }> {
  const source = { snapshot: 'false', sequence: '["1","2"]', txId: 3 };
  const change = { op: 'u', before: undefined, after, source };
  const decode = <Row>(): RowChange<Row> => change as unknown as RowChange<Row>;
  const lifecycleEvents = noMetrics.counter({ name: 'x', help: 'x' });
  const value = Buffer.from('x');
  const record = { offset: 0, timestampMs: 0, key: null, value, headers: [] };
  const read = await capturedTables({ decode, lifecycleEvents })[table](record, {
    ...{ topic: 't', partition: 0 },
  } as never);
  return { key: read?.key, fact: { ...read?.value, version: 'v' } };
}

function read(commands: readonly object[], reservations: readonly object[]): RowFacts {
  const facts = new RowFacts();
  for (const row of commands) facts.addCommand(row as Row, 'v');
  for (const row of reservations) facts.addReservation(row as Row, 'v');
  return facts;
}

function typesOf({ byKey }: RowFacts): readonly string[] {
  return [...byKey.values()].flat().map(({ type }) => type);
}

describe('a row of the backfill', () => {
  test('that says nothing is passed over, as the captured one is; one that cannot be read is refused', async () => {
    const idle = { ...commandRow, command_name: 'reservation.modify' };
    const facts = read([idle, { ...idle, metadata: '{}' }], []);
    const unreadable = read([{ ...idle, metadata: '{}', tenant_id: 'hotel' }], []);
    const changed = { command_name: 'reservation.modify', metadata: '{}' };

    expect(facts).toMatchObject({ byKey: new Map(), refused: [] });
    expect(unreadable.refused.map(({ error }) => error.code)).toEqual(['DECODE_FAILED']);
    expect((await captured('lifecycle', { ...lifecycle, ...changed })).key).toBeUndefined();
  });

  test('gives the facts of the captured rows, to the microsecond: one input, one derivation (R2, P10)', async () => {
    const { byKey, refused } = read([commandRow], [reservationRow]);
    const expected = [
      await captured('lifecycle', lifecycle),
      await captured('reservations', reservation),
    ];

    expect(refused).toEqual([]);
    expect([...byKey]).toEqual([[expected[0]?.key, expected.map(({ fact }) => fact)]]);
  });

  test('comes with the others of its reservation', () => {
    const other = { ...commandRow, event_id: 'e0000000-0000-4000-8000-000000000002' };
    const apart = { ...other, reservation_id: '5e000000-0000-4000-8000-000000000002' };
    const { byKey } = read([commandRow, apart, other], [reservationRow]);

    expect([...byKey.values()].map((facts) => facts.length)).toEqual([3, 1]);
  });

  test('is refused for itself: a bad reservation leaves its command, a bad command its reservation', () => {
    const badReservation = read([commandRow], [{ ...reservationRow, currency: 'eur' }]);
    const badCommand = read(
      [{ ...commandRow, state_transitions: '{', version_id: 'x' }],
      [reservationRow],
    );

    expect(typesOf(badReservation)).toEqual(['command']);
    expect(typesOf(badCommand)).toEqual(['reservation']);
    expect(badReservation.refused[0]?.error.message).toContain('reservations.currency');
    expect(badCommand.refused[0]?.row).toEqual({ ...commandRow, state_transitions: '{' });
  });

  test('of a command that names no reservation says nothing', () => {
    const row = { ...commandRow, reservation_id: null, command_name: 'group.create' };

    expect(read([row], [])).toMatchObject({ byKey: new Map(), refused: [] });
  });
});

describe('versions of reservations that were published', () => {
  test('are known by their transaction; the longest known are forgotten first', () => {
    const known = new KnownVersions(2);
    known.add('a', '1');
    known.add('b', '1');
    known.add('a', '2');
    known.add('c', '1');
    const asked = [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
      ['c', '1'],
    ] as const;

    expect(asked.map(([id, xmin]) => known.has(id, xmin))).toEqual([false, true, false, true]);
    known.clear();
    expect(known.has('c', '1')).toBe(false);
  });
});
