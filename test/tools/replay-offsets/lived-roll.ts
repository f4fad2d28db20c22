/** A Roll Service that has read some days of a few hotels and is stopped, on Kafka in this process. */
import { noMetrics } from '../../../kernel/metrics.ts';
import { silentLogger } from '../../../kernel/logger.ts';
import { seededRandom } from '../../../kernel/random.ts';
import type { KafkaPort, Topology } from '../../../streams/index.ts';
import type { ManualClock } from '../../../testing/manual-clock.ts';
import { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import {
  replayOffsets,
  type ReplayOptions,
  type ReplayReport,
} from '../../../tools/replay-offsets/replay-offsets.ts';
import type {
  ReplayedApplication,
  ReplayRun,
} from '../../../tools/replay-offsets/replayed-application.ts';
import { sideReplay } from '../../../tools/replay-offsets/side-replay.ts';
import { rollToReplay } from '../../../tools/replay-offsets/roll/roll-to-replay.ts';
import type { RowChange } from '../../../topology/captured/row-change.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import { rollTopology } from '../../../topology/roll/roll-topology.ts';
import { applied, micros, reservationColumns } from '../../topology/roll/roll-fixtures.ts';

export const applicationId = 'roll-service-shadow';
export const eventsTopic = 'roll.events.shadow';
export const tenantId = '7e000000-0000-4000-8000-000000000001';
const tables = ['reservation_command_lifecycle', 'reservations', 'properties', 'business_dates'];
const hotels = [1, 2].map((n) => `9e000000-0000-4000-8000-00000000000${n}`);
const reservationCount = 12;

export function topicOf(table: string): string {
  return `platform.public.${table}`;
}

function topology(events = eventsTopic): Topology {
  return rollTopology({
    topicPrefix: 'platform',
    eventsTopic: events,
    partitionCount: 2,
    decode: <Row>(_table: string, value: Buffer) => JSON.parse(value.toString()) as RowChange<Row>,
    encodeEvent,
    metrics: noMetrics,
  });
}

function encodeEvent(change: RollChange): Buffer {
  return Buffer.from(JSON.stringify(change));
}

export async function startRoll(
  again?: Pick<TopologyTestDriver, 'kafka' | 'clock'>,
): Promise<TopologyTestDriver> {
  const captured = Object.fromEntries(tables.map((table) => [topicOf(table), 2]));
  const driver = await TopologyTestDriver.start({
    topology: topology(),
    topics: { ...captured, [eventsTopic]: 3 },
    options: { applicationId },
    ...(again && { kafka: again.kafka, clock: again.clock }),
  });
  await settle(driver);
  return driver;
}

/** Until everything is worked off, of three sub-topologies one after another. */
async function settle(driver: TopologyTestDriver): Promise<void> {
  const isIdle = (): boolean =>
    driver.streams.notReady() === undefined && driver.streams.tasks().every(({ lag }) => lag === 0);
  for (let idle = 0; idle < 3; idle = isIdle() ? idle + 1 : 0) {
    await driver.advance(1_500);
    if (driver.streams.status === 'error') throw driver.streams.error as Error;
  }
}

/** Of the captured rows. */
let lsn = 100;

export function capture(driver: TopologyTestDriver, table: string, after: object): void {
  lsn += 1;
  const source = { snapshot: 'false', sequence: `["${lsn}","${lsn}"]` };
  const { id = lsn } = after as { readonly id?: string | number };
  driver.pipe(topicOf(table), {
    key: String(id),
    value: JSON.stringify({ op: 'u', after, source }),
  });
}

/** When the third day began, by the records' time. */
export let middleMs = 0;

/** Stays of one to three nights and cancellations, night after night; stopped. */
export async function livedRoll(): Promise<TopologyTestDriver> {
  lsn = 100;
  const driver = await startRoll();
  for (const id of hotels) {
    const row = { id, tenant_id: tenantId, timezone: 'Europe/Helsinki', total_rooms: 10 };
    capture(driver, 'properties', row);
  }
  for (let day = 10; day <= 15; day += 1) {
    if (day === 12) middleMs = driver.clock.nowMs();
    for (let n = 0; n < reservationCount; n += 1) liveOneDay(driver, n, day);
    // Not a row that can be read.
    if (day === 12) capture(driver, 'reservations', { id: 5 });
    await settle(driver);
    for (const property_id of hotels) closeDate(driver, property_id, `2026-05-${day}`);
    await settle(driver);
  }
  await driver.close();
  return driver;
}

/** The service again, for one more day with an arrival of somebody new. */
export async function oneDayMore(stopped: TopologyTestDriver): Promise<void> {
  const driver = await startRoll(stopped);
  lsn = 10_000;
  liveOneDay(driver, 30, 10);
  for (const property_id of hotels) closeDate(driver, property_id, '2026-05-16');
  await settle(driver);
  await driver.close();
}

function closeDate(driver: TopologyTestDriver, property_id: string, date: string): void {
  capture(driver, 'business_dates', {
    ...{ tenant_id: tenantId, property_id, business_date: date, date_status: 'CLOSED' },
    is_deleted: false,
  });
}

function liveOneDay(driver: TopologyTestDriver, n: number, day: number): void {
  const id = `5e000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const stay = { first: 10 + (n % 3), last: 11 + (n % 3) + (n % 4) };
  const at = (date: number): string => `2026-05-${date}T12:00:00.000Z`;
  const columns = { id, property_id: hotels[n % 2] ?? '', room_rate: `${50 + n}.00` };
  const command = (number: number, name: string): void =>
    capture(driver, 'reservation_command_lifecycle', {
      ...applied(n * 10 + number, `reservation.${name}`, at(day)),
      reservation_id: id,
    });
  if (day === stay.first && n % 5 === 4) {
    capture(driver, 'reservations', reservationColumns({ ...columns, status: 'CANCELLED' }));
    command(1, 'cancel');
  } else if (day === stay.first) {
    const row = { ...columns, status: 'CHECKED_IN', actual_check_in: micros(at(day)) } as const;
    capture(driver, 'reservations', reservationColumns(row));
    command(1, 'check_in');
  } else if (day === stay.last && n % 5 !== 4) {
    const actual = {
      actual_check_in: micros(at(stay.first)),
      actual_check_out: micros(at(day)),
    };
    capture(
      driver,
      'reservations',
      reservationColumns({ ...columns, ...actual, status: 'CHECKED_OUT' }),
    );
    command(2, 'check_out');
  }
}

/** To its end, or to what it throws; the time goes on meanwhile. @param isGone its process is no more. */
export async function replayOn(
  { kafka, clock }: Pick<TopologyTestDriver, 'kafka' | 'clock'>,
  changes: Partial<ReplayOptions> & { readonly port?: KafkaPort } = {},
  isGone: () => boolean = () => false,
): Promise<ReplayReport> {
  const port = changes.port ?? kafka.client('replay');
  const gone = new AbortController();
  const replay = replayOffsets({
    ...{ port, target: { kind: 'earliest' }, asked: '--to-earliest', topics: [], partitions: [] },
    ...{ application: replayed(port, ''), ...partsOf(clock), signal: gone.signal },
    ...changes,
  });
  return whileTimeGoesOn(clock, replay, () => {
    if (isGone()) gone.abort();
  });
}

/** Into `-side`. @param seen gets what of each partition is read. */
export function replayIntoSide(
  { kafka, clock }: Pick<TopologyTestDriver, 'kafka' | 'clock'>,
  seen: (bounds: ReplayRun['bounds']) => void = () => undefined,
): Promise<ReplayReport> {
  const port = kafka.client('replay');
  const { signal } = new AbortController();
  const [original, beside] = [replayed(port, ''), replayed(port, '-side')];
  const side: ReplayedApplication = {
    ...beside,
    run: (replay) => {
      seen(replay.bounds);
      return beside.run(replay);
    },
  };
  const replay = sideReplay({ ...partsOf(clock), port, signal, original, side });
  return whileTimeGoesOn(clock, replay, () => undefined);
}

function replayed(port: KafkaPort, suffix: string): ReplayedApplication {
  const decode = (value: Buffer): RollChange => JSON.parse(value.toString()) as RollChange;
  return rollToReplay({
    ...{ port, applicationId: `${applicationId}${suffix}`, codec: { encode: encodeEvent, decode } },
    ...{ topology: topology(`${eventsTopic}${suffix}`), eventsTopic: `${eventsTopic}${suffix}` },
  });
}

function partsOf(clock: ManualClock) {
  return {
    ...{ isExecuted: true, stateDir: undefined, random: seededRandom(7), clock },
    ...{ logger: silentLogger, progress: () => undefined },
  };
}

async function whileTimeGoesOn(
  clock: ManualClock,
  replay: Promise<ReplayReport>,
  look: () => void,
): Promise<ReplayReport> {
  const over = new AbortController();
  void replay.catch(() => undefined).finally(() => over.abort());
  while (!over.signal.aborted) {
    await clock.advance(200);
    look();
  }
  return replay;
}
