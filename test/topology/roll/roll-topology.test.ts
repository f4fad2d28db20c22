/** The wiring: captured rows through the real topology, over the in-process Kafka. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../../kernel/metrics.ts';
import { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import type { RowChange } from '../../../topology/captured/row-change.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import {
  rollQueries,
  type LedgerAnswer,
  type PropertyDay,
} from '../../../topology/roll/roll-queries.ts';
import { rollTopology } from '../../../topology/roll/roll-topology.ts';
import {
  applied,
  eventId,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from './roll-fixtures.ts';

const eventsTopic = 'roll.events.shadow';
const tables = ['reservation_command_lifecycle', 'reservations', 'properties', 'business_dates'];
const capturedTopics = Object.fromEntries(tables.map((table) => [`platform.public.${table}`, 2]));

let driver: TopologyTestDriver | undefined;
let lsn = 100;

afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

async function start(): Promise<TopologyTestDriver> {
  const topology = rollTopology({
    topicPrefix: 'platform',
    eventsTopic,
    partitionCount: 3,
    decode: <Row>(_table: string, value: Buffer) => JSON.parse(value.toString()) as RowChange<Row>,
    encodeEvent: (change) => Buffer.from(JSON.stringify(change)),
    metrics: noMetrics,
  });
  driver = await TopologyTestDriver.start({
    topology,
    topics: { ...capturedTopics, [eventsTopic]: 2 },
  });
  return driver;
}

/** A row as the change stream brings it: later calls are later commits. */
function change(after: object | undefined, before?: object): string {
  lsn += 1;
  const source = { snapshot: 'false', sequence: `["${lsn}","${lsn}"]` };
  return JSON.stringify({ op: after === undefined ? 'd' : 'u', before, after, source });
}

function pipe(table: string, ...values: string[]): void {
  for (const value of values) driver?.pipe(`platform.public.${table}`, { key: `key`, value });
}

const property = (timezone = 'Europe/Helsinki') =>
  change({ id: propertyId, tenant_id: tenantId, timezone, total_rooms: 10 });

function dateClosed(date: string): string {
  return change({
    tenant_id: tenantId,
    property_id: propertyId,
    business_date: date,
    date_status: 'CLOSED',
    is_deleted: false,
  });
}

/** Slept 10, 11 and 12 May in Helsinki. */
const departed = () =>
  change(
    reservationColumns({
      status: 'CHECKED_OUT',
      actual_check_in: micros('2026-05-10T12:00:00Z'),
      actual_check_out: micros('2026-05-13T08:00:00Z'),
    }),
  );
const checkOut = () => change(applied(2, 'reservation.check_out', '2026-05-13T08:00:05.000Z'));
const nights = ['2026-05-10', '2026-05-11', '2026-05-12'];
const closed = [...nights, '2026-05-13'].map(dateClosed);

async function ledger(): Promise<LedgerAnswer | undefined> {
  return rollQueries(driver!.streams).ledger({ tenantId, reservationId });
}

async function said(): Promise<string[]> {
  return (await ledger())?.entries.map(({ entry }) => `${entry.rollType} ${entry.rollDate}`) ?? [];
}

async function days(): Promise<readonly PropertyDay[]> {
  const answer = await rollQueries(driver!.streams).property({
    ...{ tenantId, propertyId, from: '2026-05-01', to: '2026-05-31' },
  });
  return answer.days;
}

function events(): RollChange[] {
  return driver!.read(eventsTopic).map(({ value }) => JSON.parse(String(value)) as RollChange);
}

const whole = [...nights.map((night) => `EOD ${night}`), 'CHECKOUT 2026-05-13'];

describe('the roll topology', () => {
  test('turns rows and closed dates into a ledger, its events and the days of the property', async () => {
    await start();
    pipe('properties', property());
    pipe('reservations', departed());
    pipe('reservation_command_lifecycle', checkOut());
    await driver!.advance();
    pipe('business_dates', ...closed);
    await driver!.advance();

    expect(await said()).toEqual(whole);
    expect(events().map(({ kind }) => kind)).toEqual(['created', 'created', 'created', 'created']);
    expect(await days()).toMatchObject([
      { businessDate: '2026-05-10', roomsSold: 1, arrivals: 1, revenueMinor: { EUR: 7_550 } },
      { businessDate: '2026-05-11', roomsSold: 1, arrivals: 0 },
      { businessDate: '2026-05-12', roomsSold: 1, occupancy: 0.1 },
      { businessDate: '2026-05-13', roomsSold: 0, departures: 1 },
    ]);
  });

  test('comes to the same ledger when the property is told last and rows come twice', async () => {
    await start();
    const row = departed();
    const command = checkOut();
    pipe('business_dates', ...closed);
    pipe('reservation_command_lifecycle', command, command);
    pipe('reservations', row, row);
    await driver!.advance();
    expect(await said()).toEqual([]);
    pipe('properties', property());
    await driver!.advance();

    expect(await said()).toEqual(whole);
    expect((await days()).reduce((sum, day) => sum + day.roomsSold, 0)).toBe(3);
  });

  test('says nothing about a night whose date is not closed, and marks what comes after its close', async () => {
    await start();
    pipe('properties', property());
    pipe('reservations', departed());
    await driver!.advance();
    pipe('business_dates', dateClosed('2026-05-10'));
    await driver!.advance();
    expect(await said()).toEqual(['EOD 2026-05-10']);

    pipe('business_dates', dateClosed('2026-05-11'), dateClosed('2026-05-12'));
    await driver!.advance();
    events();
    const higher = reservationColumns({
      status: 'CHECKED_OUT',
      room_rate: '80.00',
      actual_check_in: micros('2026-05-10T12:00:00Z'),
      actual_check_out: micros('2026-05-13T08:00:00Z'),
    });
    pipe('reservations', change(higher));
    await driver!.advance();

    expect(events().map(({ kind, adjustment }) => [kind, adjustment])).toEqual(
      nights.map(() => ['revised', true]),
    );
    expect(await days()).toMatchObject(nights.map(() => ({ revenueMinor: { EUR: 8_000 } })));
  });

  test('voids every entry of a reservation that is deleted, and takes it out of the days', async () => {
    await start();
    pipe('properties', property());
    pipe('reservations', departed());
    pipe('business_dates', ...closed);
    await driver!.advance();
    events();
    pipe('reservations', change(undefined, reservationColumns({ status: 'CHECKED_OUT' })));
    await driver!.advance();

    expect(events().map(({ kind }) => kind)).toEqual(['voided', 'voided', 'voided']);
    expect(await said()).toEqual([]);
    expect((await days()).reduce((sum, day) => sum + day.roomsSold + day.arrivals, 0)).toBe(0);
  });

  test('moves every ledger when the time zone of its property is corrected', async () => {
    await start();
    pipe('properties', property('Europe/Helsinki'));
    const late = reservationColumns({
      status: 'CANCELLED',
      cancellation_date: micros('2026-05-09T22:30:00Z'),
    });
    pipe('reservations', change(late));
    await driver!.advance();
    expect(await said()).toEqual(['CANCEL 2026-05-10']);
    pipe('properties', property('Europe/Lisbon'));
    pipe('business_dates', dateClosed('2026-05-08'));
    await driver!.advance();

    expect(await said()).toEqual(['CANCEL 2026-05-09']);
  });

  test('ignores an older version of a row that comes late', async () => {
    await start();
    const older = change(reservationColumns({ status: 'CONFIRMED' }));
    const newer = departed();
    pipe('properties', property());
    pipe('business_dates', ...closed);
    pipe('reservations', newer, older);
    await driver!.advance();

    expect(await said()).toEqual(nights.map((night) => `EOD ${night}`));
  });

  test('keeps states on the way to APPLIED without deriving anything from them', async () => {
    await start();
    pipe('properties', property());
    pipe('reservations', change(reservationColumns()));
    await driver!.advance();
    const received = {
      ...applied(7, 'reservation.check_in', '2026-05-10T12:00:00.000Z'),
      current_state: 'RECEIVED',
      state_transitions: '[]',
    };
    pipe('reservation_command_lifecycle', change(received));
    await driver!.advance();

    expect(events()).toEqual([]);
    expect(await said()).toEqual([]);
    expect(eventId(7)).toBe(received.event_id);
  });

  test('sends a row that cannot be understood to the dead letters, bytes untouched, and goes on', async () => {
    await start();
    const broken = change({ ...reservationColumns(), room_rate: 'a lot' });
    pipe('properties', property());
    pipe('reservations', broken, departed());
    pipe('business_dates', ...closed);
    await driver!.advance();

    const [dead, ...more] = driver!.read('test-dlq');
    expect(more).toEqual([]);
    expect(dead?.value?.toString()).toBe(broken);
    expect(await said()).toHaveLength(3);
  });
});
