/** Reading captured rows: what is taken from them, and which are refused with what problem. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lifecycleStates } from '../../../topology/captured/lifecycle-row.ts';
import {
  plainlySaysNothing,
  readRollCommand,
  saysNothing,
} from '../../../topology/roll/roll-command.ts';
import {
  readReservationRow,
  type ReservationColumns,
} from '../../../topology/roll/reservation-row.ts';
import {
  lifecycleColumns,
  micros,
  problemIn,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
  transitions,
  valueOf,
} from './roll-fixtures.ts';

describe('a lifecycle row', () => {
  test('is APPLIED when any transition is, whatever the current state says (P2)', () => {
    const states = ['RECEIVED', 'PERSISTED', 'IN_PROGRESS', 'CONSUMED', 'APPLIED', 'PUBLISHED'];
    const row = lifecycleColumns({
      current_state: 'PUBLISHED',
      state_transitions: transitions(states, '2026-04-01T09:00:00Z'),
    });

    const { command } = valueOf(readRollCommand(row));

    expect(command.state).toBe('APPLIED');
    expect(command.appliedMicros).toBe(micros('2026-04-01T09:00:04Z'));
  });

  test.each([
    [['FAILED', 'PUBLISHED'], 'PUBLISHED'],
    [['PUBLISHED', 'FAILED'], 'PUBLISHED'],
    [['CONSUMED', 'DLQ', 'PUBLISHED'], 'DLQ'],
    [['DLQ', 'APPLIED'], 'APPLIED'],
    [[], 'RECEIVED'],
  ])('that went through %j is %s', (states, expected) => {
    const row = lifecycleColumns({
      current_state: 'RECEIVED',
      state_transitions: transitions(states, '2026-04-01T09:00:00Z'),
    });

    expect(valueOf(readRollCommand(row)).command.state).toBe(expected);
  });

  test('knows eight states in rank order', () => {
    expect(lifecycleStates.join(' < ')).toBe(
      'RECEIVED < PERSISTED < IN_PROGRESS < FAILED < PUBLISHED < CONSUMED < DLQ < APPLIED',
    );
  });

  test('was applied when it was first APPLIED, or last updated where no transition says', () => {
    const twice = lifecycleColumns({
      state_transitions: transitions(['APPLIED', 'PUBLISHED', 'APPLIED'], '2026-04-01T09:00:00Z'),
    });
    const never = lifecycleColumns({ state_transitions: [] });

    expect(valueOf(readRollCommand(twice)).command.appliedMicros).toBe(
      micros('2026-04-01T09:00:00Z'),
    );
    expect(valueOf(readRollCommand(never)).command.appliedMicros).toBe(
      micros('2026-04-01T09:00:02Z'),
    );
  });

  test('brings the stay of its metadata, with the arrival as date or instant', () => {
    const withDate = lifecycleColumns({
      metadata: { stay: { property_id: propertyId, check_in: '2026-05-10', rooms: 1 } },
    });
    const withInstant = lifecycleColumns({
      metadata: '{"stay":{"check_in":"2026-05-10T12:00:00Z"}}',
    });

    expect(valueOf(readRollCommand(withDate)).command.stay).toEqual({
      propertyId,
      arrival: '2026-05-10',
    });
    expect(valueOf(readRollCommand(withInstant)).command.stay).toEqual({
      propertyId: undefined,
      arrival: micros('2026-05-10T12:00:00Z'),
    });
  });

  test('may name no reservation when its command leaves no entry', () => {
    const row = lifecycleColumns({ reservation_id: null });

    expect(valueOf(readRollCommand(row)).reservationId).toBeUndefined();
  });

  test.each([
    ['a command name without shape', { command_name: 'CHECKOUT!!' }, 'command_name'],
    ['no event id', { event_id: '' }, 'event_id'],
    ['no tenant', { tenant_id: 'hotel' }, 'tenant_id'],
    ['an unknown state', { current_state: 'COMPLETED' as never }, 'current_state'],
    ['transitions that are not JSON', { state_transitions: '[{' }, 'state_transitions'],
    ['transitions that are not a list', { state_transitions: '{}' }, 'state_transitions'],
    ['an impossible date', { created_at: '2026-02-31T00:00:00Z' }, 'created_at'],
    [
      'a stay that arrives on no date',
      { metadata: { stay: { check_in: '2026-02-31' } } },
      'metadata.stay.check_in',
    ],
    [
      'a cancellation of nothing',
      { command_name: 'reservation.cancel', reservation_id: null },
      'reservation_id',
    ],
  ])('with %s is a problem, never an UNKNOWN entry (R6)', (_title, changes, field) => {
    const problem = problemIn(readRollCommand(lifecycleColumns(changes)));

    expect(problem).toMatchObject({ table: 'reservation_command_lifecycle', field });
    expect(problem.message).not.toBe('');
  });

  test.each([
    ['its command leaves no entry', {}, true],
    ['its metadata are empty', { metadata: null }, true],
    ['it leaves one', { command_name: 'reservation.cancel' }, false],
    ['it says where the stay is', { metadata: JSON.stringify({ stay: {} }) }, false],
    ['its metadata were read already', { metadata: {} }, false],
    ['it cannot be read', { created_at: 'yesterday' }, false],
    ['its command has no name', { command_name: 'CREATE!!' }, false],
  ])('where %s: passed over without its JSON being read: %s', (_title, changes, isPassedOver) => {
    expect(plainlySaysNothing(lifecycleColumns(changes))).toBe(isPassedOver);
  });

  test('is passed over only if, read as a whole, it says nothing', () => {
    const rows = fc.record({
      command_name: fc.constantFrom('reservation.create', 'reservation.cancel', 'CREATE!!', ''),
      metadata: fc.constantFrom(
        null,
        '{}',
        '{"stay":null}',
        `{"stay":{"property_id":"${propertyId}"}}`,
      ),
      tenant_id: fc.constantFrom(tenantId, 'hotel'),
      reservation_id: fc.constantFrom(reservationId, null),
      updated_at: fc.constantFrom('2026-04-01T09:00:02Z', '2026-04-31T09:00:02Z'),
    });

    fc.assert(
      fc.property(rows, (changes) => {
        const row = lifecycleColumns(changes);
        if (!plainlySaysNothing(row)) return;
        expect(saysNothing(valueOf(readRollCommand(row)).command)).toBe(true);
      }),
    );
  });

  test('that cannot be used is told by its first column, with what is in it', () => {
    const row = lifecycleColumns({ tenant_id: 'hotel', created_at: 'yesterday' });

    expect(problemIn(readRollCommand(row)).message).toBe(
      'reservation_command_lifecycle.tenant_id: "hotel" is no UUID',
    );
  });

  test('is told by the place inside of its JSON, cut where that is long', () => {
    const metadata = JSON.stringify({ stay: 'x'.repeat(100) });

    expect(problemIn(readRollCommand(lifecycleColumns({ metadata }))).message).toBe(
      `reservation_command_lifecycle.metadata.stay: "${'x'.repeat(60)}"… is no object`,
    );
  });
});

describe('a reservation row', () => {
  test('is reduced to what the ledger needs', () => {
    const columns = reservationColumns({
      actual_check_in: micros('2026-05-10T13:00:00Z') + 1,
      cancellation_fee: '10.00',
    });

    expect(valueOf(readReservationRow(columns))).toEqual({
      tenantId: columns.tenant_id,
      reservationId,
      row: {
        propertyId,
        status: 'CONFIRMED',
        arrivalDate: '2026-05-10',
        departureDate: '2026-05-13',
        checkedInMicros: micros('2026-05-10T13:00:00Z') + 1,
        rateMinor: 7550,
        currency: 'EUR',
        cancellationFeeMinor: 1000,
        noShowFeeMinor: 0,
      },
    });
  });

  test('carries dates as days since 1970 too', () => {
    const { row } = valueOf(readReservationRow(reservationColumns({ check_in_date: 20_583 })));

    expect(row?.arrivalDate).toBe('2026-05-10');
  });

  test('that is deleted says nothing else, not even what is wrong with it', () => {
    const columns = reservationColumns({ is_deleted: true, room_rate: 'free' });

    expect(valueOf(readReservationRow(columns)).row).toBeNull();
  });

  test.each<[string, Partial<ReservationColumns>, string, string]>([
    ['no property', { property_id: '' }, 'property_id', 'unreadable'],
    ['a status nobody knows', { status: 'TENTATIVE' as never }, 'status', 'unreadable'],
    ['an amount that is none', { room_rate: '75,50' }, 'room_rate', 'unreadable'],
    ['half a yen', { room_rate: '75.50', currency: 'JPY' }, 'room_rate', 'unreadable'],
    ['a lower-case currency', { currency: 'eur' }, 'currency', 'unreadable'],
    ['an arrival that is no date', { check_in_date: '2026-02-30' }, 'check_in_date', 'unreadable'],
    [
      'a departure before arrival',
      { check_out_date: '2026-05-09' },
      'check_out_date',
      'impossible',
    ],
    [
      'a check-out before check-in',
      {
        actual_check_in: micros('2026-05-10T13:00:00Z'),
        actual_check_out: micros('2026-05-10T12:00:00Z'),
      },
      'actual_check_out',
      'impossible',
    ],
    [
      'a cancellation that nothing dates',
      { status: 'CANCELLED', updated_at: null, created_at: null },
      'updated_at',
      'unreadable',
    ],
  ])('with %s is a problem', (_title, changes, field, reason) => {
    const problem = problemIn(readReservationRow(reservationColumns(changes)));

    expect(problem).toMatchObject({ table: 'reservations', field, reason });
  });
});
