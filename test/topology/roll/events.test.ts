/** What others say of the same reservations: read, counted, compared, and no byte of a ledger changed. */
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  comparisonOf,
  noSides,
  withSide,
} from '../../../topology/roll/events/cancellation-sides.ts';
import { readReservationEvent } from '../../../topology/roll/events/reservation-event.ts';
import { Figures } from '../../support/figures.ts';
import { RollingHotel } from '../../support/rolling-hotel.ts';
import {
  applied,
  eventId,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from './roll-fixtures.ts';

const comparisons = 'roll_service_release_comparisons_total';
let hotel: RollingHotel;
let figures: Figures;

const metadata = {
  ...{ id: eventId(1), tenantId, source: 'reservations-command-service', version: '1.0' },
  ...{ type: 'reservation.cancelled', timestamp: '2026-05-09T12:00:00.000Z', retryCount: 0 },
};
const cancelled = { metadata, payload: { id: reservationId, tenant_id: tenantId } };
const released = {
  ...{ type: 'inventory.released', tenantId, reservationId, status: 'RELEASED' },
  releaseReason: 'reservation.cancel',
};

async function start(withEvents = true): Promise<void> {
  figures = new Figures();
  hotel = new RollingHotel({ metrics: figures, withEvents });
  await hotel.start();
  hotel.captureProperty('Europe/Helsinki');
  await hotel.settle();
}

afterEach(() => hotel.close());

async function cancel(): Promise<void> {
  const cancellation_date = micros('2026-05-09T12:00:00Z');
  hotel.capture('reservations', reservationColumns({ status: 'CANCELLED', cancellation_date }));
  const command = applied(1, 'reservation.cancel', '2026-05-09T12:00:00.000Z');
  hotel.capture('reservation_command_lifecycle', command);
  await hotel.settle();
}

describe('reservation events', () => {
  test('are counted by their kind, those of no known kind too; dead letters are counted', async () => {
    await start();
    const quoted = { ...cancelled, metadata: { ...metadata, type: 'reservation.quoted' } };
    for (const event of [cancelled, cancelled, quoted]) {
      hotel.append('reservations.events', 'key', event);
    }
    hotel.append('reservations.events.dlq', 'key', { whatever: 1 });
    await hotel.settle();

    expect(figures.of('roll_service_reservation_events_total')).toEqual({
      ...{ 'reservation.cancelled': 2, other: 1 },
    });
    expect(figures.of('roll_service_reservation_dead_letters_total')).toEqual({ '': 1 });
  });

  test('change no byte of a ledger, whatever they say and whenever they come', async () => {
    await start(false);
    await cancel();
    const without = (await hotel.ledger())?.entries.map(({ entry }) => entry);
    await hotel.close();
    await start();
    const lies = { ...cancelled, payload: { id: reservationId, cancelled_at: '2020-01-01' } };
    hotel.append('reservations.events', 'key', lies);
    await hotel.settle();
    await cancel();
    hotel.append('reservations.events', 'key', lies);
    hotel.append('inventory.events.shadow', 'key', released);
    await hotel.settle();

    expect((await hotel.ledger())?.entries.map(({ entry }) => entry)).toEqual(without);
    expect(hotel.events()).toHaveLength(1);
  });

  test.each([
    ['no JSON', '{', 'is not JSON'],
    ['no tenant', { ...cancelled, metadata: { ...metadata, tenantId: 'x' } }, 'metadata.tenantId'],
    [
      'no time',
      { ...cancelled, metadata: { ...metadata, timestamp: 'noon' } },
      'metadata.timestamp',
    ],
    ['no payload', { metadata }, 'payload must be an object'],
  ])('with %s are refused, naming what is wrong', (_what, event, says) => {
    const text = typeof event === 'string' ? event : JSON.stringify(event);

    expect(() => readReservationEvent(Buffer.from(text))).toThrow(says);
  });

  test('that cannot be read are kept among the dead letters', async () => {
    await start();
    hotel.append('reservations.events', 'key', { metadata });
    await hotel.settle();

    expect(hotel.read('test-dlq')).toHaveLength(1);
  });
});

describe("the guard's releases and the CANCEL entries", () => {
  test('match when both come, counted once however often they come', async () => {
    await start();
    hotel.append('inventory.events.shadow', 'key', released);
    await cancel();
    hotel.append('inventory.events.shadow', 'key', released);
    await hotel.settle();

    expect(figures.of(comparisons)).toEqual({ match: 1 });
  });

  test('mismatch when one has not come in its time, and match when it comes after all', async () => {
    await start();
    await cancel();
    expect(figures.of(comparisons)).toEqual({});
    await hotel.settle(11 * 60_000);
    expect(figures.of(comparisons)).toEqual({ missing_release: 1 });
    hotel.append('inventory.events.shadow', 'key', released);
    await hotel.settle();

    expect(figures.of(comparisons)).toEqual({ missing_release: 1, match: 1 });
  });

  test('leave out what is no cancellation: holds that ran out, other releases, other entries', async () => {
    await start();
    const ranOut = { ...released, status: 'EXPIRED', releaseReason: 'EXPIRED' };
    const byDesk = { ...released, releaseReason: 'DESK' };
    const locked = { ...released, type: 'inventory.locked' };
    for (const event of [ranOut, byDesk, locked]) {
      hotel.append('inventory.events.shadow', 'key', event);
    }
    hotel.capture('reservation_command_lifecycle', {
      ...applied(3, 'reservation.no_show', '2026-05-10T12:00:00.000Z'),
      metadata: JSON.stringify({ stay: { property_id: propertyId, check_in: '2026-05-10' } }),
    });
    await hotel.settle();
    await hotel.settle(11 * 60_000);

    expect(figures.of(comparisons)).toEqual({});
    expect(await hotel.said()).toEqual(['NO_SHOW 2026-05-10']);
  });

  test('are no mismatch when the entry was voided before the other side came', () => {
    const entered = withSide(noSides, { kind: 'entered', isVoided: false });
    const voided = withSide(entered, { kind: 'entered', isVoided: true });

    expect(comparisonOf(entered, true)).toBe('missing_release');
    expect(comparisonOf(voided, true)).toBeUndefined();
  });
});
