/**
 * Capture of a database, slot, publication and topics that are a test's own, on the shared stack: what is fed,
 * lost and recovered here nobody else notices.
 */
import { CaptureHeartbeat } from '../../api/capture-heartbeat.ts';
import { CaptureLook } from '../../api/capture-look.ts';
import { CaptureGapWatch } from '../../api/capture-gap-watch.ts';
import {
  recoverCapture,
  type RecoverOptions,
  type RecoverReport,
} from '../../capture/recover-capture.ts';
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
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { createCapturedTopics } from '../../tools/connectors/create-captured-topics.ts';
import { stackSecret } from '../../tools/connectors/prepare-stack-database.ts';
import { compareTopics, type TopicComparison } from '../../tools/drill/compare-topics.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { portOn, systemOptions } from './test-system.ts';

const clock = systemClock;
const { signal } = systemOptions;
const daysFed = 2;

export class OwnCapture {
  /** Of the database, the slot, the publication, the connector, and first part of its topics. */
  readonly name: string;
  readonly port: KafkaPort;
  readonly client: ConnectClient;
  readonly connector: DebeziumPostgres;
  readonly admin: Database;
  readonly #system: System;
  readonly #watches: { close(): Promise<void> }[] = [];
  #seed = 0;

  private constructor(system: System, name: string, admin: Database) {
    const { endpoints } = system.stack;
    this.#system = system;
    this.name = name;
    this.admin = admin;
    this.port = portOn(system.stack, name);
    this.client = new ConnectClient({ url: endpoints.kafkaConnectUrl, clock });
    this.connector = platformConnector({
      ...{ databaseUrl: this.adminDatabaseUrl, registryUrl: endpoints.registryApiUrl },
      passwordReference: stackSecret(system.stack).reference,
      overrides: { name, slot: name, publication: name, topicPrefix: name },
    });
  }

  /** With rows in it, its connector running. */
  static async start(what: string): Promise<OwnCapture> {
    const system = await startSystem({ ...systemOptions, isBare: true });
    const name = `${what}_${process.pid}_${clock.nowMs()}`;
    const { platformAdminDatabaseUrl, kafkaBrokers } = system.stack.endpoints;
    await onDatabase(platformAdminDatabaseUrl, `CREATE DATABASE ${name}`);
    const adminDatabaseUrl = inDatabase(platformAdminDatabaseUrl, name);
    const platform = await connectPlatformDatabase(adminDatabaseUrl);
    await createPlatformSchema(platform).finally(() => platform.close());
    const own = new OwnCapture(system, name, await open(adminDatabaseUrl));
    const { database, tables, publication } = own.connector;
    await prepareDatabase({ user: database.user, tables, publication, adminDatabaseUrl });
    await createCapturedTopics(own.connector, { brokers: kafkaBrokers, clock });
    await own.feed();
    await own.apply();
    return own;
  }

  get adminDatabaseUrl(): string {
    return inDatabase(this.#system.stack.endpoints.platformAdminDatabaseUrl, this.name);
  }

  get registry(): SchemaRegistryPort {
    return createRegistryClient({ url: this.#system.stack.endpoints.schemaRegistryUrl, clock });
  }

  async apply(definition = toConnect(this.connector)): Promise<void> {
    const connectors = [definition];
    await applyConnectors({
      ...{ client: this.client, connectors, clock, signal, waitTimeoutMs: 90_000 },
    });
  }

  /** Another generated chain; resolves when it is written. */
  async feed(): Promise<void> {
    this.#seed += 1;
    const workload = chainWorkload({
      seed: this.#seed + (clock.nowMs() % 1_000_000),
      days: daysFed,
    });
    const databaseUrl = this.adminDatabaseUrl;
    await workload.feed({ databaseUrl, clock, signal, progress: () => undefined });
  }

  startWatch(
    told: {
      readonly metrics?: Metrics;
      readonly settings?: Readonly<Record<string, string>>;
    } = {},
  ): CaptureGapWatch {
    const { endpoints } = this.#system.stack;
    const settings = parseSettings({
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      KAFKA_CONNECT_URL: endpoints.kafkaConnectUrl,
      PLATFORM_DATABASE_URL: inDatabase(endpoints.platformDatabaseUrl, this.name),
      PLATFORM_TOPIC_PREFIX: this.name,
      ROLLGUARD_CAPTURE_SLOT: this.name,
      ROLLGUARD_CAPTURE_CONNECTOR: this.name,
      ...told.settings,
    });
    const parts = { port: this.port, topicPrefix: this.name, clock, logger: silentLogger };
    const heartbeat = new CaptureHeartbeat(parts);
    const look = new CaptureLook({ settings, clock });
    const { metrics = noMetrics } = told;
    const watch = new CaptureGapWatch({ ...parts, look, heartbeat, metrics });
    this.#watches.push(watch, heartbeat);
    heartbeat.start();
    watch.start();
    return watch;
  }

  /** As somebody would who has to: its reader is ended again and again until the slot is free. */
  async dropSlotInUse(): Promise<void> {
    for (;;) {
      const ended = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1`;
      await this.admin.query(ended, [this.name]);
      const dropped = this.admin.query('SELECT pg_drop_replication_slot($1)', [this.name]);
      const isDropped = await dropped.then(
        () => true,
        () => false,
      );
      if (isDropped) return;
    }
  }

  /** The connector goes, and with it what Connect knows of its place, and the slot. */
  async deleteAll(): Promise<void> {
    const stop = { client: this.client, name: this.name, clock, waitTimeoutMs: 30_000 };
    await deleteConnector({ ...stop, forgetOffsets: true });
    await dropSlotWhenFree(this.adminDatabaseUrl, this.name, clock);
  }

  recover(changed: Partial<RecoverOptions> = {}): Promise<RecoverReport> {
    const { client, connector, adminDatabaseUrl, port, registry } = this;
    return recoverCapture({
      ...{ client, connector, adminDatabaseUrl, port, registry, clock, signal },
      ...{ progress: () => undefined, waitTimeoutMs: 60_000, allowDeletions: false },
      ...changed,
    });
  }

  compare(): Promise<TopicComparison> {
    const { port, registry, adminDatabaseUrl: databaseUrl, name: topicPrefix } = this;
    return compareTopics({ port, registry, databaseUrl, topicPrefix });
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) await watch.close();
    await this.admin.close();
    await this.deleteAll();
    const { platformAdminDatabaseUrl } = this.#system.stack.endpoints;
    await onDatabase(platformAdminDatabaseUrl, `DROP DATABASE ${this.name} WITH (FORCE)`);
    await this.port.close();
    await this.#system.stop();
  }
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function open(url: string): Promise<Database> {
  return openDatabase({ url, setting: 'stack', applicationName: 'test' });
}

async function onDatabase(url: string, statement: string): Promise<void> {
  const database = await open(url);
  await database.query(statement).finally(() => database.close());
}
