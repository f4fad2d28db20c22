/**
 * The backfill on the whole line: what it brings alone, beside capture and over it ends in the same ledgers
 * as capture alone. The applications are this test's own: they read the platform's topics, or topics in
 * which only properties and business dates are.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { KafkaStreams } from '../../streams/index.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { propertyKey } from '../../topology/roll/roll-messages.ts';
import { backfillTopic, rollApplicationId } from '../../topology/roll/roll-names.ts';
import { rollQueries } from '../../topology/roll/roll-queries.ts';
import {
  runBackfill,
  type RunBackfillOptions,
  type RunBackfillReport,
} from '../../tools/backfill/run-backfill.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { rollToVerify } from '../../tools/verify/roll-to-verify.ts';
import { ledgerHashes, type LedgerHash } from './ledger-hashes.ts';
import { testSchema } from './test-schema.ts';
import { portOn, root, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const settleMs = 90_000;
const run = `${process.pid}-${systemClock.nowMs()}`;
const { signal } = systemOptions;

interface Application {
  readonly suffix: string;
  readonly applicationId: string;
  readonly topology: Topology;
  readonly streams: KafkaStreams;
}

describe('the backfill', () => {
  let system: System;
  let port: KafkaPort;
  let workload: Workload;
  let captured: Application;
  let read: Application;
  const open: Application[] = [];

  beforeAll(async () => {
    system = await startSystem({ ...systemOptions, isBare: true });
    port = portOn(system.stack, 'backfill-test');
    workload = chainWorkload({ seed: systemClock.nowMs() % 1_000_000, days: 6 });
    await workload.feed({
      ...{ databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl, clock: systemClock },
      ...{ progress: () => undefined, signal },
    });
    captured = await start('captured', 'platform');
    await untilRight(captured);
    read = await start('read', await copyOfDates());
  }, timeoutMs);

  afterAll(async () => {
    for (const { streams } of open) await streams.close();
    await port.close();
    await system.stop();
  }, timeoutMs);

  test(
    'alone, killed again and again on its way, ends in the same ledgers as capture alone',
    async () => {
      const url = await ownTables();
      const killed = [await killedBackfill(read, url, 100), await killedBackfill(read, url, 300)];
      const ended = await backfill(read, url);
      await untilRight(read);

      expect(killed).toEqual([null, null]);
      expect(ended.refused).toBe(0);
      expect(await hashes(read)).toEqual(await hashes(captured));
    },
    timeoutMs,
  );

  test(
    'over what was captured changes no ledger and writes no event',
    async () => {
      const before = await hashes(captured);
      const events = await endOf(eventsTopic(captured));
      const ended = await backfill(captured, await ownTables());
      await untilRead(captured);

      expect(ended.rows).toBeGreaterThan(100);
      expect(await hashes(captured)).toEqual(before);
      expect(await endOf(eventsTopic(captured))).toBe(events);
    },
    timeoutMs,
  );

  test(
    'with nothing new reads nothing; a part of the rows can be had once more; it says what it would do',
    async () => {
      const url = await ownTables();
      const dry = await backfill(captured, url, { isDryRun: true });
      const all = await backfill(captured, url);
      const again = await backfill(captured, url);
      const part = await backfill(captured, url, { filter: { state: 'APPLIED' } });

      expect([dry.rows, again.rows]).toEqual([all.rows, 0]);
      expect(part.rows).toBeGreaterThan(100);
    },
    timeoutMs,
  );

  async function ownTables(): Promise<string> {
    const url = await testSchema('backfill');
    const database = await openDatabase({ url, setting: 'X', applicationName: 'test' });
    await migrate(database).finally(() => database.close());
    return url;
  }

  function eventsTopic({ applicationId }: Pick<Application, 'applicationId'>): string {
    return `${applicationId}.events`;
  }

  async function start(name: string, topicPrefix: string): Promise<Application> {
    const suffix = `-${name}-${run}`;
    const applicationId = rollApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: suffix });
    const { topology } = rollToVerify({
      ...{ registryUrl: system.stack.endpoints.schemaRegistryUrl, clock: systemClock },
      ...{ applicationId, topicPrefix, eventsTopic: eventsTopic({ applicationId }) },
    });
    await port.admin.createTopics([
      { name: eventsTopic({ applicationId }), partitionCount: 2, configs: {} },
    ]);
    const streams = new KafkaStreams({
      ...{ topology, port, stateDir: '', stateKind: 'memory', clock: systemClock },
      ...{ logger: silentLogger, metrics: noMetrics },
      options: { applicationId, commitIntervalMs: 100 },
    });
    streams.start();
    const application = { suffix, applicationId, topology, streams };
    open.push(application);
    while (streams.notReady() !== undefined) await systemClock.sleep(50);
    return application;
  }

  /** Topics of the captured tables in which the first two have nothing. @returns their prefix. */
  async function copyOfDates(): Promise<string> {
    const prefix = `only-${run}`;
    const name = (table: string, first = prefix): string => `${first}.public.${table}`;
    const copied = ['properties', 'business_dates'];
    const tables = ['reservation_command_lifecycle', 'reservations', ...copied];
    await port.admin.createTopics(
      tables.map((table) => ({ name: name(table), partitionCount: 1, configs: {} })),
    );
    const producer = await port.openPlainProducer();
    for (const table of copied) {
      const records: { key: Buffer | null; value: Buffer | null; timestampMs: number }[] = [];
      const ranges = await wholeTopics(port, [name(table, 'platform')]);
      await readRanges(port, ranges, ({ key, value, timestampMs }) => {
        records.push({ key, value, timestampMs });
        return true;
      });
      await producer.produce([{ topic: name(table), partition: 0, records }]);
    }
    await producer.close();
    return prefix;
  }

  /** A pass over the chain's tenants. */
  function backfill(
    { suffix }: Application,
    url: string,
    changes: Partial<RunBackfillOptions> = {},
  ): Promise<RunBackfillReport> {
    return runBackfill({
      ...{ settings: parseSettings(environment(suffix, url)), port, tenantIds: tenants() },
      ...{ filter: {}, isSweep: false, isDryRun: false, clock: systemClock, logger: silentLogger },
      ...{ signal, progress: () => undefined, ...changes },
    });
  }

  /** The same as a process of its own, killed when so many records are published. @returns its exit code. */
  async function killedBackfill(
    { suffix, applicationId }: Application,
    url: string,
    records: number,
  ): Promise<number | null> {
    const args = ['backfill', 'run', '--rows-per-second', '200', '--tenant', tenants().join(',')];
    const child = spawn(process.execPath, [path.join(root, 'tools/rollguard.mjs'), ...args], {
      ...{ cwd: root, stdio: 'ignore' },
      env: { ...process.env, ...environment(suffix, url) },
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    while (child.exitCode === null && (await endOf(backfillTopic(applicationId))) < records) {
      await systemClock.sleep(20);
    }
    child.kill('SIGKILL');
    return ended;
  }

  function environment(suffix: string, url: string): Readonly<Record<string, string>> {
    const { endpoints } = system.stack;
    return {
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      PLATFORM_DATABASE_URL: endpoints.platformDatabaseUrl,
      ROLLGUARD_DATABASE_URL: url,
      KAFKA_CONSUMER_GROUP_SUFFIX: suffix,
      ROLL_SERVICE_BACKFILL_BATCH_SIZE: '50',
    };
  }

  function tenants(): readonly string[] {
    return [...new Set(workload.expectations.map(({ tenantId }) => tenantId))];
  }

  function hashes(application: Application): Promise<readonly LedgerHash[]> {
    return ledgerHashes(port, application, tenants());
  }

  async function endOf(...topics: string[]): Promise<number> {
    const ranges = await wholeTopics(port, topics);
    return ranges.reduce((sum, { to }) => sum + to, 0);
  }

  /** Until every record of the backfill is worked off, and committed. */
  async function untilRead({ applicationId }: Application): Promise<void> {
    const ranges = await wholeTopics(port, [backfillTopic(applicationId)]);
    const deadlineMs = systemClock.monotonicMs() + settleMs;
    for (;;) {
      const committed = await committedOffsets(port, applicationId, ranges);
      if (ranges.every((range) => committed(range) >= range.to)) return;
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('the backfill is not read');
      await systemClock.sleep(200);
    }
  }

  /** Until the totals are what the chain says of itself. */
  async function untilRight({ streams }: Application): Promise<void> {
    const queries = rollQueries(streams);
    const deadlineMs = systemClock.monotonicMs() + settleMs;
    for (;;) {
      const wrong = [];
      for (const { tenantId, propertyId, totals } of workload.expectations) {
        const { from, to } = workload;
        const { days } = await queries.property({ tenantId, propertyId, from, to });
        const found = {
          nights: days.reduce((sum, day) => sum + day.roomsSold, 0),
          checkout: days.reduce((sum, day) => sum + day.departures, 0),
          cancel: days.reduce((sum, day) => sum + day.cancellations, 0),
          no_show: days.reduce((sum, day) => sum + day.noShows, 0),
        };
        const { nights, checkout, cancel, no_show } = totals;
        const expected = { nights, checkout, cancel, no_show };
        const name = propertyKey(tenantId, propertyId);
        if (JSON.stringify(found) !== JSON.stringify(expected))
          wrong.push({ name, found, expected });
      }
      if (wrong.length === 0) return;
      if (systemClock.monotonicMs() > deadlineMs) throw new Error(JSON.stringify(wrong));
      await systemClock.sleep(200);
    }
  }
});
