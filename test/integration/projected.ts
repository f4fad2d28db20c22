/** For tests of the projector: a topic of its own with ledger events, and tables of its own. */
import { randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { partitionFor } from '../../kernel/murmur2.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import { ledgerProjection } from '../../projections/ledger-projection.ts';
import { Projector } from '../../projections/projector.ts';
import { projectorMetrics } from '../../projections/projector-metrics.ts';
import { sessionLimits, type SessionLimits } from '../../projections/projection-session.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { AvroDecoder } from '../../schemas/avro-decoder.ts';
import { contractSchema, contractText, valueSubject } from '../../schemas/contracts.ts';
import type { RollEvent } from '../../schemas/generated/roll-event.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import type {
  KafkaPort,
  PlainProducer,
  ProduceRecord,
  RecordHeader,
} from '../../streams/kafka/port.ts';
import { ledgerEntry, type LedgerEntry, type RollType } from '../../topology/roll/ledger-entry.ts';
import { replayHeaders } from '../../topology/roll/replay-header.ts';
import { rollEventOf } from '../../topology/roll/roll-event-codec.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { deleteRecordsBefore } from '../support/delete-records.ts';
import { testSchema } from './test-schema.ts';
import { portOn, testStack } from './test-system.ts';

const waitMs = 30_000;
export const partitionCount = 3;
const tenantId = randomUUID();
const propertyId = randomUUID();

/** What a table has to show of an entry, besides when it was written. */
type EntryColumns = Readonly<Record<string, string>>;

export interface Projected {
  readonly port: KafkaPort;
  readonly topic: string;
  readonly groupId: string;
  readonly deadLetterTopic: string;
  readonly databaseUrl: string;
  readonly database: Database;
  /** Writes so many random events of random entries. */
  write(events: number): Promise<void>;
  /** Tells every entry once more; an untrue one says something else of each than was told. */
  writeAgain(replayId: string, isTrue: boolean): Promise<void>;
  writeRaw(partition: number, value: Buffer): Promise<void>;
  /** Has the broker forget what the partition holds. */
  deleteAll(partition: number): Promise<void>;
  /** The entries that follow from everything written, by ledger id. */
  expected(): ReadonlyMap<string, EntryColumns>;
  /** The table's, likewise. */
  table(): Promise<ReadonlyMap<string, EntryColumns>>;
  /** Resolves when the offset rows are at the ends of the topic; throws after a while. */
  caughtUp(): Promise<void>;
  /** Of each partition: the offset row, and what the group has committed. */
  offsets(): Promise<readonly { readonly table: number; readonly kafka: number }[]>;
  /** Waits until both are the same and at the end. */
  mirrored(): Promise<void>;
  projector(options?: ProjectorChoice): Projector;
  /** Of a process that runs such a projector (`projector-process.ts`). */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

interface ProjectorChoice {
  readonly port?: KafkaPort;
  readonly metrics?: Metrics;
  readonly limits?: Partial<SessionLimits>;
  readonly databaseUrl?: string;
}

const testLimits: SessionLimits = {
  ...sessionLimits,
  ...{ sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500, maxPollIntervalMs: 60_000 },
};

export async function projected(name: string): Promise<Projected> {
  const stack = await testStack();
  const port = portOn(stack, name);
  const topic = `${name}-${Date.now()}.roll.events`;
  const { groupId, deadLetterTopic } = namesOf(topic);
  await port.admin.createTopics([{ name: topic, partitionCount, configs: {} }]);
  const registry = createRegistryClient({
    ...{ url: stack.endpoints.schemaRegistryUrl, clock: systemClock },
  });
  const schemaId = await registry.register(valueSubject(topic), contractText('roll.events'));
  const encode = avroWriter(contractSchema('roll.events'), schemaId);
  const databaseUrl = await testSchema(name);
  const database = await openDatabase({
    ...{ url: databaseUrl, setting: 'X_URL', applicationName: 'test' },
  });
  await migrate(database);
  const producer = await port.openPlainProducer();
  const events = new RandomEvents(seededRandom(systemClock.nowMs()));
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
    ...{ topic, partition },
  }));
  const offsets: Projected['offsets'] = async () => {
    const committed = await committedOffsets(port, groupId, partitions);
    const { rows } = await database.query(
      'SELECT partition, offset_position FROM roll_service_consumer_offsets WHERE topic = $1',
      [topic],
    );
    const byPartition = new Map(rows.map((row) => [row['partition'], row['offset_position']]));
    return partitions.map((each) => ({
      table: Number(byPartition.get(each.partition) ?? -1),
      kafka: committed(each),
    }));
  };
  const ends = async (): Promise<readonly number[]> => {
    const found = await port.admin.listOffsets(partitions, 'latest');
    return partitions.map(
      ({ partition }) => found.find((each) => each.partition === partition)?.offset ?? -1,
    );
  };
  return {
    ...{ port, topic, groupId, deadLetterTopic, databaseUrl, database, offsets },
    write: (count) => writeEvents(producer, topic, events.next(count), encode),
    writeAgain: (replayId, isTrue) =>
      writeEvents(producer, topic, events.again(isTrue), encode, replayHeaders(replayId)),
    writeRaw: async (partition, value) => {
      const record = { key: Buffer.from('?'), value, timestampMs: systemClock.nowMs() };
      await producer.produce([{ topic, partition, records: [record] }]);
    },
    deleteAll: async (partition) => {
      const [host = '', brokerPort = ''] = stack.endpoints.kafkaBrokers.split(':');
      const offset = (await ends())[partition] ?? 0;
      const leader = { host, port: Number(brokerPort) };
      await deleteRecordsBefore(leader, { topic, partition, offset });
    },
    expected: () => events.expected(),
    table: () => tableOf(database),
    caughtUp: () =>
      until(async () =>
        same(
          (await offsets()).map(({ table }) => table),
          await ends(),
        ),
      ),
    mirrored: () =>
      until(async () => {
        const [now, end] = [await offsets(), await ends()];
        return (
          same(
            now.map(({ table }) => table),
            end,
          ) &&
          same(
            now.map(({ kafka }) => kafka),
            end,
          )
        );
      }),
    projector: (choice = {}) =>
      projectorFor({ ...{ topic, registry, port, databaseUrl, metrics: noMetrics }, ...choice }),
    environment: {
      ...{ TEST_TOPIC: topic, TEST_DATABASE: databaseUrl },
      TEST_BROKERS: stack.endpoints.kafkaBrokers,
      TEST_REGISTRY: stack.endpoints.schemaRegistryUrl,
    },
    close: async () => {
      await Promise.all([producer.close(), database.close()]);
      await port.close();
    },
  };
}

function namesOf(topic: string) {
  return { groupId: `${topic}-projector`, deadLetterTopic: `${topic}-dlq` };
}

export function projectorFor(
  on: Required<Omit<ProjectorChoice, 'limits'>> &
    Pick<ProjectorChoice, 'limits'> & {
      readonly topic: string;
      readonly registry: SchemaRegistryPort;
    },
): Projector {
  const { topic, registry, metrics, port, databaseUrl } = on;
  const names = namesOf(topic);
  return new Projector({
    ...{ ...names, port, databaseUrl },
    projections: [ledgerProjection({ topic, decoder: new AvroDecoder(registry), metrics })],
    limits: { ...testLimits, ...on.limits },
    ...{ clock: systemClock, logger: silentLogger },
    metrics: projectorMetrics(metrics, names.groupId),
  });
}

async function writeEvents(
  producer: PlainProducer,
  topic: string,
  events: readonly RollEvent[],
  encode: (value: unknown) => Buffer,
  headers: readonly RecordHeader[] = [],
): Promise<void> {
  const records = new Map<number, ProduceRecord[]>();
  for (const event of events) {
    const key = Buffer.from(`${event.tenantId}|${event.reservationId}`);
    const partition = partitionFor(key, partitionCount);
    const batch = records.get(partition) ?? [];
    batch.push({ key, value: encode(event), timestampMs: systemClock.nowMs(), headers });
    records.set(partition, batch);
  }
  await producer.produce(
    [...records].map(([partition, batch]) => ({ topic, partition, records: batch })),
  );
}

/** Entries that are made, changed, voided and made again. */
class RandomEvents {
  readonly #random: Random;
  readonly #reservations = Array.from({ length: 60 }, () => randomUUID());
  readonly #ids = new Map<string, string>();
  readonly #live = new Map<string, LedgerEntry>();

  constructor(random: Random) {
    this.#random = random;
  }

  next(count: number): RollEvent[] {
    return Array.from({ length: count }, () => this.#event());
  }

  expected(): ReadonlyMap<string, EntryColumns> {
    return new Map([...this.#live.values()].map((entry) => [entry.ledgerId, columnsOf(entry)]));
  }

  again(isTrue: boolean): RollEvent[] {
    const said = (entry: LedgerEntry): LedgerEntry =>
      isTrue ? entry : { ...entry, amountMinor: 7, revision: 'other' };
    return [...this.#live.values()].map((entry) =>
      rollEventOf({ kind: 'created', entry: said(entry), adjustment: false }),
    );
  }

  #event(): RollEvent {
    const entry = this.#entry();
    const known = this.#live.get(entry.ledgerId);
    if (known !== undefined && this.#random.integer(4) === 0) {
      this.#live.delete(entry.ledgerId);
      return rollEventOf({ kind: 'voided', entry: known, adjustment: false });
    }
    this.#live.set(entry.ledgerId, entry);
    const kind = known === undefined ? 'created' : 'revised';
    return rollEventOf({ kind, entry, adjustment: false });
  }

  #entry(): LedgerEntry {
    const reservationId = this.#reservations[this.#random.integer(60)] ?? '';
    const day = 1 + this.#random.integer(9);
    const rollType: RollType = day === 9 ? 'CHECKOUT' : 'EOD';
    const lifecycleEventId = this.#idOf(`${reservationId} ${day}`);
    const owner = { tenantId, reservationId, propertyId, currency: 'EUR' };
    const micros = 1_780_000_000_000_000 + this.#random.integer(1_000_000_000);
    return ledgerEntry(owner, {
      ...{ lifecycleEventId, rollType, rollDate: `2026-06-0${day}`, occurredMicros: micros },
      sourceEventType: 'business_date.closed',
      payload: { text: `"q", {b} \\ and 'é'`, night: day },
      amountMinor: rollType === 'EOD' ? 1_000 + this.#random.integer(50) : 0,
    });
  }

  #idOf(name: string): string {
    const id = this.#ids.get(name) ?? randomUUID();
    this.#ids.set(name, id);
    return id;
  }
}

function columnsOf(entry: LedgerEntry): EntryColumns {
  return {
    tenant: entry.tenantId,
    reservation: entry.reservationId,
    event: entry.lifecycleEventId,
    type: entry.rollType,
    date: entry.rollDate,
    micros: String(entry.occurredMicros),
    payload: JSON.stringify(JSON.parse(entry.eventPayload)),
    amount: String(entry.amountMinor),
    revision: entry.revision,
  };
}

async function tableOf(database: Database): Promise<ReadonlyMap<string, EntryColumns>> {
  const { rows } = await database.query(
    `SELECT ledger_id, tenant_id AS tenant, reservation_id AS reservation,
            lifecycle_event_id AS event, roll_type AS type, roll_date AS date,
            (extract(epoch FROM occurred_at) * 1000000)::bigint AS micros,
            event_payload AS payload, amount_minor AS amount, revision
     FROM reservation_ledger_shadow`,
  );
  return new Map(
    rows.map(({ ledger_id: id, payload, ...columns }) => [
      String(id),
      { ...(columns as EntryColumns), payload: sorted(String(payload)) },
    ]),
  );
}

/** Postgres orders the fields of JSON by their length. */
function sorted(json: string): string {
  const value = JSON.parse(json) as Readonly<Record<string, unknown>>;
  return JSON.stringify(
    Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

function same(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}

export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + waitMs;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > deadlineMs) throw new Error('it does not come true');
    await systemClock.sleep(100);
  }
}
