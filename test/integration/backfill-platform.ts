/** A platform of a test's own on the shared stack: the tables in a schema that nobody else sees. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { backfillMetrics } from '../../backfill/backfill-metrics.ts';
import type { BackfillParts } from '../../backfill/backfill-options.ts';
import { KnownVersions } from '../../backfill/known-versions.ts';
import { openPlatform } from '../../backfill/backfill-service.ts';
import type { BackfillPublisher } from '../../backfill/publisher.ts';
import type { RowFacts } from '../../backfill/row-facts.ts';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { ReservationFact } from '../../topology/roll/roll-messages.ts';
import { testStack } from './test-system.ts';

let schemas = 0;

export interface TestPlatform {
  readonly schema: string;
  /** Of the role that only reads. */
  readonly readerUrl: string;
  /** A session that may write; closed with the platform. */
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

export async function testPlatform(): Promise<TestPlatform> {
  const { endpoints } = await testStack();
  const schema = `platform_${process.pid}_${Date.now()}_${(schemas += 1)}`;
  const path = `?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  const adminUrl = `${endpoints.platformAdminDatabaseUrl}${path}`;
  const open: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: adminUrl });
    open.push(client);
    await client.connect();
    return client;
  };
  const admin = await connect();
  await admin.query(`CREATE SCHEMA ${schema}; GRANT USAGE ON SCHEMA ${schema} TO platform_reader`);
  const database = await connectPlatformDatabase(adminUrl);
  await createPlatformSchema(database).finally(() => database.close());
  return {
    schema,
    readerUrl: `${endpoints.platformDatabaseUrl}${path}`,
    connect,
    close: async () => {
      await admin.query(`DROP SCHEMA ${schema} CASCADE`).catch(() => undefined);
      for (const client of open) await client.end();
    },
  };
}

/** A tenant with one hotel. */
export interface Hotel {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly roomTypeId: string;
}

export async function addHotel(client: pg.Client): Promise<Hotel> {
  const [tenantId, propertyId, roomTypeId] = [randomUUID(), randomUUID(), randomUUID()];
  await client.query(`INSERT INTO tenants (id, name, slug) VALUES ($1, 'T', $2)`, [
    ...[tenantId, tenantId],
  ]);
  await client.query(
    `INSERT INTO properties (id, tenant_id, property_name, property_code) VALUES ($1, $2, 'P', $3)`,
    [propertyId, tenantId, propertyId],
  );
  await client.query(
    `INSERT INTO room_types (id, tenant_id, property_id, type_name, type_code)
     VALUES ($1, $2, $3, 'R', 'STD')`,
    [roomTypeId, tenantId, propertyId],
  );
  return { tenantId, propertyId, roomTypeId };
}

/** @returns the reservation's id. */
export async function addReservation(client: pg.Client, hotel: Hotel): Promise<string> {
  const id = randomUUID();
  await client.query(
    `INSERT INTO reservations (id, tenant_id, property_id, guest_id, room_type_id,
       confirmation_number, check_in_date, check_out_date, room_rate, total_amount, guest_email)
     VALUES ($1, $2, $3, $1, $4, $5, '2026-05-10', '2026-05-12', 100, 200, 'a@b.cd')`,
    [id, hotel.tenantId, hotel.propertyId, hotel.roomTypeId, id],
  );
  return id;
}

export interface CommandColumns {
  /** By default one that leaves an entry: what says nothing is not published. */
  readonly name?: string;
  /** By default that of the transaction, as the platform has it. */
  readonly createdAt?: string;
  readonly eventId?: string;
}

/** @returns the command's id. */
export async function addCommand(
  client: pg.Client,
  hotel: Hotel,
  reservationId: string,
  { name = 'reservation.cancel', createdAt, eventId = randomUUID() }: CommandColumns = {},
): Promise<string> {
  await client.query(
    `INSERT INTO reservation_command_lifecycle
       (event_id, tenant_id, reservation_id, command_name, current_state, created_at)
     VALUES ($1, $2, $3, $4, 'APPLIED', coalesce($5::timestamptz, now()))`,
    [eventId, hotel.tenantId, reservationId, name, createdAt ?? null],
  );
  return eventId;
}

/** Takes everything and remembers it; `failure` is thrown in the place of the next publication. */
export class RecordingPublisher implements BackfillPublisher {
  topicId: string = randomUUID();
  batches: RowFacts[] = [];
  failure: Error | undefined;

  publish(facts: RowFacts): Promise<void> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    this.batches.push(facts);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What was published since the last time it was asked. */
  take(): readonly ReservationFact[] {
    const facts = this.batches.flatMap(({ byKey }) => [...byKey.values()].flat());
    this.batches = [];
    return facts;
  }

  /** Ids of the commands among it. */
  takeCommands(): readonly string[] {
    return this.take().flatMap((fact) => (fact.type === 'command' ? [fact.eventId] : []));
  }
}

/** Of a backfill that reads this platform; its database connection is the caller's to close. */
export async function backfillParts(
  readerUrl: string,
  publisher: BackfillPublisher,
  limits: Partial<BackfillParts['limits']> = {},
): Promise<BackfillParts> {
  return {
    platform: await openPlatform(readerUrl),
    publisher,
    known: new KnownVersions(),
    limits: { batchRows: 100, rowsPerSecond: 0, lateWindowSeconds: 86_400, ...limits },
    metrics: backfillMetrics(noMetrics),
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
  };
}
