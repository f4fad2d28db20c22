/**
 * A slot that is dropped, on the whole line: told within 30 s, by who looks later too, and closed. Database,
 * connector, slot and topics are this test's own; `npm run drill` does the same with services and load.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaptureGapWatch } from '../../api/capture-gap-watch.ts';
import { recoverCapture, type RecoverReport } from '../../capture/recover-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { toConnect, type DebeziumPostgres } from '../../connectors/debezium-postgres.ts';
import { deleteConnector } from '../../connectors/delete-connector.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { prepareDatabase } from '../../connectors/prepare-database.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { dropSlotWhenFree } from '../../connectors/replication-slot.ts';
import { openDatabase, type Database } from '../../database/connection.ts';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { createCapturedTopics } from '../../tools/connectors/create-captured-topics.ts';
import { stackSecret } from '../../tools/connectors/prepare-stack-database.ts';
import { compareTopics, type TopicComparison } from '../../tools/drill/compare-topics.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { eventually } from './captured.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const run = `lost_slot_${process.pid}_${systemClock.nowMs()}`;
const { signal } = systemOptions;
const clock = systemClock;

describe('a replication slot that is dropped', () => {
  let system: System;
  let port: KafkaPort;
  let client: ConnectClient;
  let connector: DebeziumPostgres;
  let admin: Database;
  let adminDatabaseUrl = '';
  const watches: CaptureGapWatch[] = [];

  beforeAll(async () => {
    system = await startSystem({ ...systemOptions, isBare: true });
    const { endpoints } = system.stack;
    port = portOn(system.stack, 'lost-slot-test');
    client = new ConnectClient({ url: endpoints.kafkaConnectUrl, clock });
    await onDatabase(endpoints.platformAdminDatabaseUrl, `CREATE DATABASE ${run}`);
    adminDatabaseUrl = inDatabase(endpoints.platformAdminDatabaseUrl);
    const platform = await connectPlatformDatabase(adminDatabaseUrl);
    await createPlatformSchema(platform).finally(() => platform.close());
    connector = platformConnector({
      ...{ databaseUrl: adminDatabaseUrl, registryUrl: endpoints.registryApiUrl },
      passwordReference: stackSecret(system.stack).reference,
      overrides: { name: run, slot: run, publication: run, topicPrefix: run },
    });
    const { database, tables, publication } = connector;
    await prepareDatabase({ user: database.user, tables, publication, adminDatabaseUrl });
    await createCapturedTopics(connector, { brokers: endpoints.kafkaBrokers, clock });
    await feed(1);
    const connectors = [toConnect(connector)];
    await applyConnectors({ client, connectors, clock, signal, waitTimeoutMs: 90_000 });
    admin = await open(adminDatabaseUrl);
  }, timeoutMs);

  afterAll(async () => {
    for (const watch of watches) await watch.close();
    await admin.close();
    const stop = { client, name: run, clock, waitTimeoutMs: 30_000 };
    await deleteConnector({ ...stop, forgetOffsets: true });
    await dropSlotWhenFree(adminDatabaseUrl, run, clock);
    const { platformAdminDatabaseUrl } = system.stack.endpoints;
    await onDatabase(platformAdminDatabaseUrl, `DROP DATABASE ${run} WITH (FORCE)`);
    await port.close();
    await system.stop();
  }, timeoutMs);

  test(
    'is told within 30 s, and after a restart; the recovery brings what was missed, deletions among it',
    async () => {
      const watch = startWatch();
      await eventually(
        () => port.admin.describeTopics([`${run}.capture-log`]),
        ({ length }) => length > 0,
      );
      const before = watch.notReady();
      await dropInUse();
      const droppedMs = clock.monotonicMs();
      const told = await eventually(() => Promise.resolve(watch.notReady()), Boolean);
      const seconds = (clock.monotonicMs() - droppedMs) / 1_000;
      const missed = await changeUnseen();
      const report = await recover();
      const later = await eventually(
        () => Promise.resolve(watch.notReady()),
        (reason) => reason === undefined,
      );
      await feed(3);

      expect(before).toBeUndefined();
      expect(told).toContain('slot-missing');
      expect(seconds).toBeLessThan(30);
      expect(missed.toldAfterRestart).toContain('slot-missing');
      expect(later).toBeUndefined();
      expect(tableOf(report, 'reservations')).toMatchObject({
        changed: 1,
        deleted: missed.deleted,
      });
      expect(tableOf(report, 'reservations')?.inserted).toBeGreaterThan(10);
      const end = await eventually(compared, ({ differences }) => differences.length === 0);
      expect(end.differences).toEqual([]);
      expect(end.rows).toBeGreaterThan(100);
    },
    timeoutMs,
  );

  function startWatch(): CaptureGapWatch {
    const { endpoints } = system.stack;
    const settings = parseSettings({
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      KAFKA_CONNECT_URL: endpoints.kafkaConnectUrl,
      PLATFORM_DATABASE_URL: inDatabase(endpoints.platformDatabaseUrl),
      PLATFORM_TOPIC_PREFIX: run,
      ROLLGUARD_CAPTURE_SLOT: run,
      ROLLGUARD_CAPTURE_CONNECTOR: run,
    });
    const parts = { settings, port, clock, logger: silentLogger, metrics: noMetrics };
    const watch = new CaptureGapWatch(parts);
    watches.push(watch);
    watch.start();
    return watch;
  }

  /** As somebody would who has to: its reader is ended again and again until the slot is free. */
  async function dropInUse(): Promise<void> {
    for (;;) {
      const ended = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1`;
      await admin.query(ended, [run]);
      const isDropped = await admin.query('SELECT pg_drop_replication_slot($1)', [run]).then(
        () => true,
        () => false,
      );
      if (isDropped) return;
    }
  }

  async function changeUnseen(): Promise<{
    deleted: number;
    toldAfterRestart: string | undefined;
  }> {
    await feed(2);
    await admin.query('SET session_replication_role = replica');
    const gone = await admin.query(
      `DELETE FROM reservations WHERE id IN (SELECT id FROM reservations WHERE id = ANY ($1::uuid[]))`,
      [first.slice(0, 5)],
    );
    const change = 'UPDATE reservations SET room_rate = room_rate + 1 WHERE id = $1';
    await admin.query(change, [first[5]]);
    const again = startWatch();
    const toldAfterRestart = await eventually(() => Promise.resolve(again.notReady()), Boolean);
    return { deleted: gone.rowCount, toldAfterRestart };
  }

  /** Reservations of before. */
  let first: readonly string[] = [];

  async function feed(seed: number): Promise<void> {
    const workload = chainWorkload({ seed: seed + (clock.nowMs() % 1_000_000), days: 3 });
    const databaseUrl = adminDatabaseUrl;
    await workload.feed({ databaseUrl, clock, signal, progress: () => undefined });
    if (first.length > 0) return;
    const database = await open(adminDatabaseUrl);
    const { rows } = await database.query('SELECT id FROM reservations ORDER BY id LIMIT 6');
    await database.close();
    first = rows.map(({ id }) => String(id));
  }

  function recover(): Promise<RecoverReport> {
    const registry = createRegistryClient({ url: system.stack.endpoints.schemaRegistryUrl, clock });
    return recoverCapture({
      ...{ client, connector, adminDatabaseUrl, port, registry, clock, signal },
      ...{ progress: () => undefined, waitTimeoutMs: 60_000, allowDeletions: false },
    });
  }

  function compared(): Promise<TopicComparison> {
    const registry = createRegistryClient({ url: system.stack.endpoints.schemaRegistryUrl, clock });
    return compareTopics({ port, registry, databaseUrl: adminDatabaseUrl, topicPrefix: run });
  }
});

function tableOf(report: RecoverReport, name: string): RecoverReport['tables'][number] | undefined {
  return report.tables.find(({ table }) => table === `public.${name}`);
}

function inDatabase(url: string): string {
  const changed = new URL(url);
  changed.pathname = `/${run}`;
  return changed.href;
}

function open(url: string): Promise<Database> {
  return openDatabase({ url, setting: 'stack', applicationName: 'test' });
}

async function onDatabase(url: string, statement: string): Promise<void> {
  const database = await open(url);
  await database.query(statement).finally(() => database.close());
}
