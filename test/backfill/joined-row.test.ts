/** A row that the backfill reads says what the captured one says. */
import { describe, expect, test } from '@jest/globals';
import { readJoinedRows } from '../../backfill/joined-row.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { RowChange } from '../../topology/captured/row-change.ts';
import { capturedTables } from '../../topology/roll/captured-rows.ts';
import type { ReservationFact } from '../../topology/roll/roll-messages.ts';
import {
  lifecycleColumns,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from '../topology/roll/roll-fixtures.ts';

/** As `database/connection.ts` gives them: dates, instants, amounts and JSON are Postgres' text. */
const joined = {
  l_event_id: 'e0000000-0000-4000-8000-000000000001',
  l_tenant_id: tenantId,
  l_reservation_id: reservationId,
  l_command_name: 'reservation.check_out',
  l_current_state: 'PUBLISHED',
  l_state_transitions:
    '[{"state": "APPLIED", "timestamp": "2026-05-13T08:00:05.123456Z"}, {"state": "PUBLISHED"}]',
  l_metadata: '{"stay": {"check_in": "2026-05-10", "property_id": null}, "source": "desk"}',
  l_created_at: '2026-05-13 07:59:59.999999+00',
  l_updated_at: '2026-05-13 08:00:06.5+00',
  r_id: reservationId,
  r_tenant_id: tenantId,
  r_property_id: propertyId,
  r_status: 'CHECKED_OUT',
  r_check_in_date: '2026-05-10',
  r_check_out_date: '2026-05-13',
  r_actual_check_in: '2026-05-10 12:00:00.000001',
  r_actual_check_out: '2026-05-13 08:00:00',
  r_room_rate: '75.50',
  r_currency: 'EUR',
  r_cancellation_date: null,
  r_cancellation_fee: null,
  r_expired_at: null,
  r_no_show_date: null,
  r_no_show_fee: null,
  r_created_at: '2026-04-01 09:00:00',
  r_updated_at: '2026-05-13 08:00:01',
  r_is_deleted: false,
};
const lifecycle = lifecycleColumns({
  event_id: joined.l_event_id,
  command_name: 'reservation.check_out',
  current_state: 'PUBLISHED',
  state_transitions: joined.l_state_transitions,
  metadata: joined.l_metadata,
  created_at: '2026-05-13T07:59:59.999999Z',
  updated_at: '2026-05-13T08:00:06.500000Z',
});
const reservation = reservationColumns({
  status: 'CHECKED_OUT',
  actual_check_in: micros('2026-05-10T12:00:00Z') + 1,
  actual_check_out: micros('2026-05-13T08:00:00Z'),
  updated_at: micros('2026-05-13T08:00:01Z'),
});

async function captured(table: 'lifecycle' | 'reservations', after: object): Promise<unknown> {
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

describe('a row of the backfill', () => {
  test('gives the facts of the captured rows, to the microsecond: one input, one derivation (R2, P10)', async () => {
    const { facts, refused } = readJoinedRows([joined], 'v');

    expect(refused).toEqual([]);
    expect(facts).toEqual([
      await captured('lifecycle', lifecycle),
      await captured('reservations', reservation),
    ]);
  });

  test('that several commands share gives one fact of its reservation', () => {
    const other = { ...joined, l_event_id: 'e0000000-0000-4000-8000-000000000002' };
    const { facts } = readJoinedRows([joined, other], 'v');

    expect(facts.map(({ fact }) => fact.type)).toEqual(['command', 'reservation', 'command']);
  });

  test('is refused by halves: a bad reservation leaves its command, a bad command its reservation', () => {
    const badReservation = readJoinedRows([{ ...joined, r_currency: 'eur' }], 'v');
    const badCommand = readJoinedRows([{ ...joined, l_state_transitions: '{' }], 'v');
    const typesOf = (facts: readonly { readonly fact: ReservationFact }[]): readonly string[] =>
      facts.map(({ fact }) => fact.type);

    expect(typesOf(badReservation.facts)).toEqual(['command']);
    expect(typesOf(badCommand.facts)).toEqual(['reservation']);
    expect(badReservation.refused[0]?.error.message).toContain('reservations.currency');
    expect(badCommand.refused[0]?.row['state_transitions']).toBe('{');
  });

  test('without a reservation, in the table or in the command, says what it can', () => {
    const nothing = Object.fromEntries(
      Object.keys(joined)
        .filter((name) => name.startsWith('r_'))
        .map((name) => [name, null]),
    );
    const unknown = readJoinedRows([{ ...joined, ...nothing }], 'v');
    const unnamed = readJoinedRows(
      [{ ...joined, ...nothing, l_reservation_id: null, l_command_name: 'group.create' }],
      'v',
    );

    expect(unknown.facts.map(({ fact }) => fact.type)).toEqual(['command']);
    expect(unnamed).toEqual({ facts: [], refused: [] });
  });
});
