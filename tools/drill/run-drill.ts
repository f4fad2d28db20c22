/**
 * One drill on the real stack, under load: the capture loses its place, which has to be told within 30 s; what
 * happens meanwhile (sales, changes, deletions) must be in ledgers and holds after `connectors recover`, each
 * once. `slot`: the replication slot is dropped. `standby`: a standby without the slot is promoted, which has
 * not received the last that the primary committed, and that capture has brought: it is as if it never was.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { RecoverReport } from '../../capture/recover-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { toConnect } from '../../connectors/debezium-postgres.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { openDatabase, type Database, type Row } from '../../database/connection.ts';
import { messageOf } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { CliContext } from '../cli-context.ts';
import { runCli } from '../cli.ts';
import { stackSecret } from '../connectors/prepare-stack-database.ts';
import { stackDown, stackUp } from '../stack/stack.ts';
import { startSystem, type System } from '../start/system.ts';
import { chainWorkload, type Workload } from '../start/workload.ts';
import { compareTopics, type TopicComparison } from './compare-topics.ts';
import {
  captureHealth,
  compareServices,
  gapMetric,
  leftEntries,
  stateDifferences,
  waitFor,
  type DrillPlaces,
  type ServiceComparison,
} from './drill-application.ts';
import type { DrillReport } from './drill-figures.ts';
import { startStandby } from './standby.ts';
import { TcpSwitch } from './tcp-switch.ts';

export interface DrillOptions {
  readonly kind: DrillReport['drill'];
  readonly root: string;
  readonly seed: number;
  readonly days: number;
  readonly cli: CliContext;
  readonly signal: AbortSignal;
}

/** A generated chain's dates do not move with the clock, and stays that are over for long are not held. */
const everyStayCounts = { LOCK_IDEMPOTENCY_RETENTION_DAYS: '36500' };

const stackTimeoutMs = 300_000;
const detectionLimitSeconds = 30;
const detectionTimeoutMs = 90_000;
const settleTimeoutMs = 120_000;
/** Differences in one line. */
const shownMax = 3;
const loadBeforeMs = 2_000;
const connectorTimeoutMs = 90_000;
/** Until what is committed is surely captured, and what is not replicated surely is not. */
const captureMs = 3_000;

export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const { root, cli, signal } = options;
  const stateDir = path.join(root, '.rollguard/drill');
  const stack = {
    ...{ root, env: cli.env, clock: cli.clock, progress: cli.progress, signal, stateDir },
  };
  await stackDown({ ...stack, deleteData: true });
  rmSync(path.join(stateDir, 'state'), { recursive: true, force: true });
  // How long the start takes is not what is tried here.
  await stackUp({ ...stack, timeoutMs: stackTimeoutMs });
  const system = await startSystem({
    ...{ ...stack, isFresh: false, httpPort: 0, isBare: true, backfills: true },
  });
  const closers: (() => Promise<void>)[] = [() => system.stop()];
  try {
    return await new Drill(options, system, closers).run();
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

class Drill {
  readonly #options: DrillOptions;
  readonly #system: System;
  /** Run in the end, the last one first. */
  readonly #closers: (() => Promise<void>)[];
  readonly #workloads: Workload[] = [];
  #places: DrillPlaces;

  constructor(options: DrillOptions, system: System, closers: (() => Promise<void>)[]) {
    this.#options = options;
    this.#system = system;
    this.#closers = closers;
    const { platformAdminDatabaseUrl, platformDatabaseUrl } = system.stack.endpoints;
    this.#places = {
      ...{ url: '', adminDatabaseUrl: platformAdminDatabaseUrl, databaseUrl: platformDatabaseUrl },
    };
  }

  async run(): Promise<DrillReport> {
    const { kind, cli } = this.#options;
    const { clock, progress } = cli;
    const breakIt = kind === 'slot' ? () => this.#dropSlot() : await this.#prepareStandby();
    await this.#startApplication();
    await this.#feed();
    await this.#settled();
    const load = this.#feed().catch((error: unknown) => progress(`load: ${messageOf(error)}`));
    await clock.sleep(loadBeforeMs);
    const lost = await breakIt();
    progress('drill: the capture has lost its place');
    const found = await this.#waitFor(detectionTimeoutMs, () => this.#gapTold());
    progress(`drill: ${found.answer === undefined ? 'not told' : 'told'} after ${found.seconds} s`);
    await load;
    if (kind === 'standby') await this.#feed();
    const deleted = await this.#changeUnseen();
    const recovered = await this.#recover();
    await this.#feed();
    const settledSeconds = await this.#settled();
    const gone = [...deleted, ...lost];
    const now = await this.#compareNow();
    const left = await leftEntries(this.#places.url, gone);
    const stored = await this.#stored();
    const violations = [
      ...detectionProblems(found.answer === undefined ? undefined : found.seconds),
      ...(recovered === undefined ? ['the recovery failed'] : []),
      ...now.differences,
      ...left,
      ...stored.differences,
    ];
    return {
      drill: kind,
      detectedSeconds: found.answer === undefined ? undefined : found.seconds,
      reason: found.answer ?? '',
      recovered,
      settledSeconds,
      compared: {
        ...{ rows: stored.rows, gone: gone.length },
        ...{ properties: now.properties, holds: now.holds },
      },
      violations,
    };
  }

  /** Another generated chain; resolves when it is written. */
  async #feed(): Promise<Workload> {
    const { seed, days, cli, signal } = this.#options;
    const workload = chainWorkload({ seed: seed + this.#workloads.length, days });
    this.#workloads.push(workload);
    const databaseUrl = this.#places.adminDatabaseUrl;
    await workload.feed({ databaseUrl, clock: cli.clock, signal, progress: () => undefined });
    return workload;
  }

  async #startApplication(): Promise<void> {
    const { kafkaConnectUrl } = this.#system.stack.endpoints;
    const { databaseUrl } = this.#places;
    this.#system.startApplication({
      ...everyStayCounts,
      KAFKA_CONNECT_URL: kafkaConnectUrl,
      PLATFORM_DATABASE_URL: databaseUrl,
    });
    await this.#system.application.ready(this.#options.signal);
    this.#places = { ...this.#places, url: this.#system.application.url };
  }

  async #dropSlot(): Promise<readonly GoneReservation[]> {
    await this.#query(
      `DO $do$ BEGIN
         PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'rollguard';
         FOR attempt IN 1..100 LOOP
           BEGIN
             PERFORM pg_drop_replication_slot('rollguard');
             RETURN;
           EXCEPTION WHEN object_in_use THEN
             PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'rollguard';
             PERFORM pg_sleep(0.02);
           END;
         END LOOP;
       END $do$`,
    );
    return [];
  }

  /** Everybody reaches Postgres by an address that can be turned to the standby. @returns what turns it. */
  async #prepareStandby(): Promise<() => Promise<readonly GoneReservation[]>> {
    const { clock, progress } = this.#options.cli;
    const primary = this.#places.adminDatabaseUrl;
    const primaryPort = Number(new URL(primary).port);
    const address = await TcpSwitch.open(primaryPort);
    this.#closers.push(() => address.close());
    const replication = await TcpSwitch.open(primaryPort);
    this.#closers.push(() => replication.close());
    this.#places = {
      ...this.#places,
      adminDatabaseUrl: withPort(primary, address.port),
      databaseUrl: withPort(this.#places.databaseUrl, address.port),
    };
    await this.#applyConnector();
    const logFile = path.join(this.#system.logsFolder, 'standby.log');
    progress('drill: making a standby');
    const standby = await startStandby({
      ...{ adminDatabaseUrl: primary, primaryPort: replication.port, logFile, clock },
    });
    this.#closers.push(() => standby.stop());
    return async () => {
      replication.turnTo(undefined);
      const lost = await this.#feed().catch(() => undefined);
      await clock.sleep(captureMs);
      const tenants = lost?.expectations.map(({ tenantId }) => tenantId) ?? [];
      const gone = await this.#query(
        'SELECT id, tenant_id FROM reservations WHERE tenant_id = ANY ($1::uuid[])',
        [tenants],
      );
      address.turnTo(undefined);
      await standby.promote();
      address.turnTo(standby.port);
      return gone.map(reservationIn);
    };
  }

  async #applyConnector(): Promise<void> {
    const { cli, signal } = this.#options;
    const { stack } = this.#system;
    const definition = toConnect(
      platformConnector({
        databaseUrl: this.#places.databaseUrl,
        passwordReference: stackSecret(stack).reference,
        registryUrl: stack.endpoints.registryApiUrl,
      }),
    );
    const { clock } = cli;
    const client = new ConnectClient({ url: stack.endpoints.kafkaConnectUrl, clock, signal });
    const waitTimeoutMs = connectorTimeoutMs;
    await applyConnectors({ client, connectors: [definition], clock, signal, waitTimeoutMs });
  }

  async #gapTold(): Promise<string | undefined> {
    const { url } = this.#places;
    const health = await captureHealth(url);
    return health?.isReady === false ? gapMetric(url) : undefined;
  }

  /** While nobody captures: sales end, rates change, rows go. @returns the reservations that are gone. */
  async #changeUnseen(): Promise<readonly GoneReservation[]> {
    const tenants = this.#workloads[0]?.expectations.map(({ tenantId }) => tenantId) ?? [];
    const ofStatus = `(SELECT id FROM reservations WHERE tenant_id = ANY ($1::uuid[]) AND status::text = $2 ORDER BY id LIMIT 4)`;
    return this.#onDatabase(async (database) => {
      // Payments and the like, which nobody captures, may keep their reservation's id.
      await database.query('SET session_replication_role = replica');
      const gone: GoneReservation[] = [];
      for (const status of ['CHECKED_OUT', 'CONFIRMED', 'CANCELLED']) {
        const { rows } = await database.query(
          `SELECT id, tenant_id FROM reservations WHERE id IN ${ofStatus}`,
          [tenants, status],
        );
        const ids = [rows.map((row) => row['id'])];
        await database.query(
          'DELETE FROM reservation_command_lifecycle WHERE reservation_id = ANY ($1::uuid[])',
          ids,
        );
        await database.query('DELETE FROM reservations WHERE id = ANY ($1::uuid[])', ids);
        gone.push(...rows.map(reservationIn));
      }
      await database.query(
        `UPDATE reservations SET room_rate = room_rate + 1, updated_at = now() WHERE id IN ${ofStatus}`,
        [tenants, 'CHECKED_OUT'],
      );
      return gone;
    });
  }

  async #recover(): Promise<RecoverReport | undefined> {
    const { cli } = this.#options;
    let out = '';
    const context = {
      ...{ ...cli, env: this.#environment(), exitCode: 0 },
      out: (text: string): void => void (out += text),
    };
    const exitCode = await runCli(['connectors', 'recover', '--json'], context);
    return exitCode === 0 ? (JSON.parse(out) as RecoverReport) : undefined;
  }

  #environment(): Readonly<Record<string, string>> {
    const { stack, stateFolder } = this.#system;
    const { adminDatabaseUrl, databaseUrl } = this.#places;
    return {
      KAFKA_BROKERS: stack.endpoints.kafkaBrokers,
      KAFKA_CONNECT_URL: stack.endpoints.kafkaConnectUrl,
      SCHEMA_REGISTRY_URL: stack.endpoints.schemaRegistryUrl,
      PLATFORM_DATABASE_URL: databaseUrl,
      PLATFORM_ADMIN_DATABASE_URL: adminDatabaseUrl,
      ROLLGUARD_CDC_PASSWORD_REFERENCE: stackSecret(stack).reference,
      ROLLGUARD_STATE_DIR: stateFolder,
    };
  }

  /**
   * Waits until ledgers, holds and readiness are as they should be, and says what is not when that changes.
   * @returns how long it took; undefined: they did not come right in time.
   */
  async #settled(): Promise<number | undefined> {
    const { progress } = this.#options.cli;
    let told = '';
    const { answer, seconds } = await this.#waitFor(settleTimeoutMs, async () => {
      const wrong = await this.#compareNow().then(
        ({ differences }) => differences,
        (error: unknown) => [messageOf(error)],
      );
      const text = `${wrong.length} wrong: ${wrong.slice(0, shownMax).join('; ')}`;
      if (wrong.length > 0 && text !== told) progress(`drill: ${text}`);
      told = text;
      return wrong.length === 0 ? true : undefined;
    });
    return answer === undefined ? undefined : seconds;
  }

  #waitFor<Answer>(timeoutMs: number, ask: () => Promise<Answer | undefined>) {
    const { cli, signal } = this.#options;
    return waitFor({ clock: cli.clock, signal, timeoutMs }, ask);
  }

  async #compareNow(): Promise<ServiceComparison> {
    const health = await captureHealth(this.#places.url);
    const unready = health?.isReady === true ? [] : [`readiness: ${health?.reason ?? 'no answer'}`];
    const { cli } = this.#options;
    const compared = await compareServices(this.#places, this.#workloads, cli);
    return { ...compared, differences: [...unready, ...compared.differences] };
  }

  /** From what is stored, the application stopped. */
  async #stored(): Promise<TopicComparison> {
    const { cli } = this.#options;
    const { endpoints } = this.#system.stack;
    const { clock } = cli;
    await this.#system.application.stop();
    const registry = createRegistryClient({ url: endpoints.schemaRegistryUrl, clock });
    const brokers = endpoints.kafkaBrokers.split(',');
    const port = createKafkajsPort({ brokers, clientId: 'drill', clock, logger: silentLogger });
    const databaseUrl = this.#places.adminDatabaseUrl;
    cli.progress('drill: comparing tables with their topics');
    const { rows, differences } = await compareTopics({
      port,
      registry,
      databaseUrl,
      topicPrefix: 'platform',
    });
    await port.close();
    cli.progress('drill: comparing stores with their topics');
    const inStores = await stateDifferences(this.#environment(), cli);
    return { rows, differences: [...differences, ...inStores] };
  }

  async #query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { rows } = await this.#onDatabase((database) => database.query(text, values));
    return rows;
  }

  async #onDatabase<Result>(use: (database: Database) => Promise<Result>): Promise<Result> {
    const url = this.#places.adminDatabaseUrl;
    const names = { setting: 'PLATFORM_ADMIN_DATABASE_URL', applicationName: 'rollguard drill' };
    const database = await openDatabase({ url, ...names });
    return use(database).finally(() => database.close());
  }
}

interface GoneReservation {
  readonly tenantId: string;
  readonly id: string;
}

function reservationIn(row: Row): GoneReservation {
  return { tenantId: row['tenant_id'] as string, id: row['id'] as string };
}

function detectionProblems(seconds: number | undefined): readonly string[] {
  if (seconds === undefined) return ['the gap was never told'];
  return seconds <= detectionLimitSeconds ? [] : [`the gap was told after ${seconds} s`];
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
