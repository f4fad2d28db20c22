/** The backfill as a further source of the ledgers: what came first does not matter. */
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noMetrics } from '../../../kernel/metrics.ts';
import { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import type { RowChange } from '../../../topology/captured/row-change.ts';
import { backfillVersion } from '../../../topology/captured/row-version.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import { replayIdOf } from '../../../topology/roll/replay-header.ts';
import { readReservationRow } from '../../../topology/roll/reservation-row.ts';
import { encodeMessage, reservationKey } from '../../../topology/roll/roll-messages.ts';
import { backfillTopic } from '../../../topology/roll/roll-names.ts';
import { rollQueries } from '../../../topology/roll/roll-queries.ts';
import { rollTopology } from '../../../topology/roll/roll-topology.ts';
import {
  applied,
  commandFact,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
  valueOf,
} from './roll-fixtures.ts';

const eventsTopic = 'roll.events.shadow';
const tables = ['reservation_command_lifecycle', 'reservations', 'properties', 'business_dates'];
const key = reservationKey(tenantId, reservationId);

let driver: TopologyTestDriver | undefined;

afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

async function start(): Promise<TopologyTestDriver> {
  await driver?.close();
  const topology = rollTopology({
    topicPrefix: 'platform',
    eventsTopic,
    partitionCount: 2,
    decode: <Row>(_table: string, value: Buffer) => JSON.parse(value.toString()) as RowChange<Row>,
    encodeEvent: (change) => Buffer.from(JSON.stringify(change)),
    metrics: noMetrics,
  });
  const captured = tables.map((table) => [`platform.public.${table}`, 1] as const);
  driver = await TopologyTestDriver.start({
    topology,
    topics: { ...Object.fromEntries(captured), [eventsTopic]: 1 },
  });
  capture('properties', 1, { id: propertyId, tenant_id: tenantId, timezone: 'UTC' });
  capture('business_dates', 2, {
    ...{ tenant_id: tenantId, property_id: propertyId, date_status: 'CLOSED' },
    business_date: '2026-05-13',
  });
  return driver;
}

/** As Debezium streams it: the nth transaction. */
function capture(table: string, n: number, after: object): void {
  const source = { snapshot: 'false', sequence: `["${n}","${n}"]`, txId: n };
  const value = JSON.stringify({ op: 'u', after, source });
  driver?.pipe(`platform.public.${table}`, { key: 'key', value });
}

/** As the backfill reads it when the nth transaction was the last to be visible. */
function backfill(n: number, fact: object): void {
  const version = backfillVersion({ lsn: `0/${n.toString(16)}`, snapshot: `${n + 1}:${n + 1}:` });
  const { key: recordKey, value } = encodeMessage(key, { ...fact, version });
  driver?.pipe(backfillTopic('test'), { key: recordKey, value });
}

function askAgain(replayId: string): void {
  const { key: recordKey, value } = encodeMessage(key, { type: 'emit-again', replayId });
  driver?.pipe(backfillTopic('test'), { key: recordKey, value });
}

const changelog = 'test-ledger-changelog';
const contributions = 'test-contributions-repartition';

const stay = (rate: string) =>
  reservationColumns({
    ...{ room_rate: rate, status: 'CHECKED_OUT' },
    actual_check_in: micros('2026-05-10T12:00:00Z'),
    actual_check_out: micros('2026-05-12T08:00:00Z'),
  });
const reservationFact = (rate: string) => ({
  type: 'reservation',
  row: valueOf(readReservationRow(stay(rate))).row,
});
const checkOut = applied(2, 'reservation.check_out', '2026-05-12T08:00:05.000Z');

async function said(): Promise<readonly string[]> {
  await driver?.advance();
  const ledger = await rollQueries(driver!.streams).ledger({ tenantId, reservationId });
  return (
    ledger?.entries.map(
      ({ entry }) => `${entry.rollType} ${entry.rollDate} ${entry.amountMinor} ${entry.revision}`,
    ) ?? []
  );
}

function saidBy({ value }: { readonly value: Buffer | null }): string {
  const { entry } = JSON.parse(value?.toString() ?? '') as RollChange;
  return `${entry.rollType} ${entry.rollDate} ${entry.amountMinor} ${entry.revision}`;
}

/** The rate is changed by the fourth transaction; the backfill reads before and after it. */
const steps = [
  () => capture('reservations', 3, stay('75.50')),
  () => capture('reservations', 5, stay('80.00')),
  () => capture('reservation_command_lifecycle', 6, checkOut),
  () => backfill(4, reservationFact('75.50')),
  () => backfill(7, reservationFact('80.00')),
  () => backfill(7, { type: 'command', ...commandFact(checkOut, '') }),
];

describe('the backfill beside capture', () => {
  test('ends in the same ledger as either alone, in any order', async () => {
    await start();
    for (const step of steps.slice(0, 3)) step();
    const captured = await said();
    await start();
    for (const step of steps.slice(3)) step();
    const read = await said();

    expect(captured).toHaveLength(3);
    expect(read).toEqual(captured);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...steps, ...steps], { minLength: 2 * steps.length }),
        async (shuffled) => {
          await start();
          for (const step of shuffled) step();

          expect(await said()).toEqual(captured);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('writes no event for what is known', async () => {
    await start();
    for (const step of steps.slice(0, 3)) step();
    await said();
    const before = driver!.read(eventsTopic).length;
    for (const step of steps.slice(3)) step();
    await said();

    expect(before).toBeGreaterThan(0);
    expect(driver!.read(eventsTopic)).toEqual([]);
  });

  test('has a ledger tell its current entries once more, behind what it has told, and changes nothing', async () => {
    await start();
    for (const step of steps.slice(0, 3)) step();
    const before = await said();
    const [first] = driver!.read(eventsTopic).slice(-1);
    const state = [...driver!.read(changelog), ...driver!.read(contributions)].length;
    askAgain('r-1');
    askAgain('r-2');
    const after = await said();
    const again = driver!.read(eventsTopic);

    expect([state > 0, first?.headers]).toEqual([true, []]);
    expect(after).toEqual(before);
    expect(again.map((record) => `${replayIdOf(record)} ${saidBy(record)}`)).toEqual([
      ...before.map((line) => `r-1 ${line}`),
      ...before.map((line) => `r-2 ${line}`),
    ]);
    expect([...driver!.read(changelog), ...driver!.read(contributions)]).toEqual([]);
  });

  test('tells nothing of entries that were voided, nor of a reservation that nobody knows', async () => {
    await start();
    askAgain('r-1');
    expect(await said()).toEqual([]);
    capture('reservations', 3, stay('75.50'));
    const nights = await said();
    capture('reservations', 4, { ...stay('75.50'), actual_check_in: null, actual_check_out: null });
    expect([nights.length, await said()]).toEqual([2, []]);
    const events = driver!.read(eventsTopic).length;
    askAgain('r-2');
    await said();

    expect([events, driver!.read(eventsTopic)]).toEqual([4, []]);
    expect(driver!.read('test-dlq')).toEqual([]);
  });

  test('passes what is no fact, such as a dead letter put back, to the dead letters', async () => {
    await start();
    const value = Buffer.from(JSON.stringify(stay('1.00')));
    driver!.pipe(backfillTopic('test'), { key: Buffer.from(key), value });

    expect(await said()).toEqual([]);
    expect(driver!.read('test-dlq')).toHaveLength(1);
  });
});
