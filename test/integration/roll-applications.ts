/**
 * Roll Services of a test's own beside a stack, on the platform's topics or on topics in which only
 * properties and business dates are; with what feeds them by hand and compares them.
 */
import { openDatabase } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { isRollguardError, messageOf } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { parseSettings, type Settings } from '../../kernel/settings.ts';
import { KafkaStreams } from '../../streams/index.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { backfillTopic, rollApplicationId } from '../../topology/roll/roll-names.ts';
import { rollQueries } from '../../topology/roll/roll-queries.ts';
import {
  runBackfill,
  type RunBackfillOptions,
  type RunBackfillReport,
} from '../../tools/backfill/run-backfill.ts';
import { differencesOf } from '../../tools/start/comparison.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import type { Workload } from '../../tools/start/workload.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { EventLog, type EventSummary } from '../../tools/verify/event-log.ts';
import { rollToVerify } from '../../tools/verify/roll-to-verify.ts';
import { ledgerHashes, type LedgerHash } from './ledger-hashes.ts';
import { testSchema } from './test-schema.ts';
import { portOn, systemOptions } from './test-system.ts';

/** What of an application there is on the broker. */
export interface RollNames {
  readonly suffix: string;
  readonly applicationId: string;
  readonly topology: Topology;
  readonly eventsTopic: string;
}

export interface RollApplication extends RollNames {
  readonly streams: KafkaStreams;
}

const { signal } = systemOptions;
const attemptsMax = 10;
const copiedTables = ['properties', 'business_dates'];

export class RollApplications {
  readonly system: System;
  readonly port: KafkaPort;
  readonly #settleMs: number;
  readonly #open: RollApplication[] = [];
  readonly #run = `${process.pid}-${systemClock.nowMs()}`;

  private constructor(system: System, port: KafkaPort, settleMs: number) {
    this.system = system;
    this.port = port;
    this.#settleMs = settleMs;
  }

  /** @param settleMs how long what was fed may take. */
  static async open(
    name: string,
    { settleMs = 90_000, ...options }: Partial<SystemOptions> & { readonly settleMs?: number } = {},
  ): Promise<RollApplications> {
    const system = await startSystem({ ...systemOptions, ...options, isBare: true });
    return new RollApplications(system, portOn(system.stack, name), settleMs);
  }

  async close(): Promise<void> {
    for (const { streams } of this.#open) await streams.close();
    await this.port.close();
    await this.system.stop();
  }

  names(name: string, topicPrefix: string, eventsTopic?: string): RollNames {
    const suffix = `-${name}-${this.#run}`;
    const applicationId = rollApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: suffix });
    const events = eventsTopic ?? `${applicationId}.events`;
    const { topology } = rollToVerify({
      ...{ registryUrl: this.system.stack.endpoints.schemaRegistryUrl, clock: systemClock },
      ...{ applicationId, topicPrefix, eventsTopic: events },
    });
    return { suffix, applicationId, topology, eventsTopic: events };
  }

  async start(name: string, topicPrefix: string): Promise<RollApplication> {
    const { port } = this;
    const names = this.names(name, topicPrefix);
    const { topology, applicationId, eventsTopic } = names;
    await port.admin.createTopics([{ name: eventsTopic, partitionCount: 2, configs: {} }]);
    const streams = new KafkaStreams({
      ...{ topology, port, stateDir: '', stateKind: 'memory', clock: systemClock },
      ...{ logger: silentLogger, metrics: noMetrics },
      options: { applicationId, commitIntervalMs: 100 },
    });
    streams.start();
    const application = { ...names, streams };
    this.#open.push(application);
    while (streams.notReady() !== undefined) await systemClock.sleep(50);
    return application;
  }

  /** Topics of the captured tables in which the first two have nothing. @returns their prefix. */
  async copyOfDates(): Promise<string> {
    const prefix = await this.emptyTopics();
    await this.copyDates(prefix);
    return prefix;
  }

  /** Topics of captured tables, for `copyDates`. @returns their prefix. */
  async emptyTopics(): Promise<string> {
    const prefix = `only-${this.#run}`;
    const tables = ['reservation_command_lifecycle', 'reservations', ...copiedTables];
    await this.port.admin.createTopics(
      tables.map((table) => ({ name: topicOf(prefix, table), partitionCount: 1, configs: {} })),
    );
    return prefix;
  }

  /** Properties and business dates, as they were captured until now. */
  async copyDates(prefix: string): Promise<void> {
    const { port } = this;
    const producer = await port.openPlainProducer();
    for (const table of copiedTables) {
      const records: { key: Buffer | null; value: Buffer | null; timestampMs: number }[] = [];
      const ranges = await wholeTopics(port, [topicOf('platform', table)]);
      await readRanges(port, ranges, ({ key, value, timestampMs }) => {
        records.push({ key, value, timestampMs });
        return true;
      });
      await producer.produce([{ topic: topicOf(prefix, table), partition: 0, records }]);
    }
    await producer.close();
  }

  async feed(workload: Workload): Promise<void> {
    await workload.feed({
      databaseUrl: this.system.stack.endpoints.platformAdminDatabaseUrl,
      ...{ clock: systemClock, progress: () => undefined, signal },
    });
  }

  /** Tables of our own, migrated, which nobody else sees. @returns their URL. */
  async ownTables(): Promise<string> {
    const { rollguardDatabaseUrl } = this.system.stack.endpoints;
    return patiently(async () => {
      const url = await testSchema('backfill', rollguardDatabaseUrl);
      const database = await openDatabase({ url, setting: 'X', applicationName: 'test' });
      await migrate(database).finally(() => database.close());
      return url;
    });
  }

  /** A pass over these tenants, or what the changes make of it. @param url of tables of our own. */
  backfill(
    names: RollNames,
    url: string,
    { tenantIds, ...changes }: Partial<RunBackfillOptions> & Pick<RunBackfillOptions, 'tenantIds'>,
  ): Promise<RunBackfillReport> {
    const settings = this.settings(names, url);
    return patiently(() =>
      runBackfill({
        ...{ settings, port: this.port, tenantIds, filter: {}, isSweep: false, isDryRun: false },
        ...{ clock: systemClock, logger: silentLogger, signal, progress: () => undefined },
        ...changes,
      }),
    );
  }

  settings(names: Pick<RollNames, 'suffix'>, url: string): Settings {
    return parseSettings(this.environment(names, url));
  }

  environment({ suffix }: Pick<RollNames, 'suffix'>, url: string): Record<string, string> {
    const { endpoints } = this.system.stack;
    return {
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      PLATFORM_DATABASE_URL: endpoints.platformDatabaseUrl,
      ROLLGUARD_DATABASE_URL: url,
      KAFKA_CONSUMER_GROUP_SUFFIX: suffix,
      ROLL_SERVICE_BACKFILL_BATCH_SIZE: '50',
    };
  }

  /** Entries and what they add to the days, by partition. */
  hashes(names: RollNames, tenantIds: readonly string[]): Promise<readonly LedgerHash[]> {
    return ledgerHashes(this.port, names, tenantIds);
  }

  /** What the events of these tenants add up to, as `state verify` does. */
  async events(
    { eventsTopic }: Pick<RollNames, 'eventsTopic'>,
    tenantIds: readonly string[],
  ): Promise<EventSummary> {
    const log = new EventLog();
    const ranges = await wholeTopics(this.port, [eventsTopic]);
    await readRanges(this.port, ranges, (record, { partition }) => {
      const key = record.key?.toString() ?? '';
      if (tenantIds.some((id) => key.startsWith(id))) log.add(record, partition);
      return true;
    });
    return log.summary();
  }

  async endOf(...topics: string[]): Promise<number> {
    const ranges = await wholeTopics(this.port, topics);
    return ranges.reduce((sum, { to }) => sum + to, 0);
  }

  /** Until every record of the backfill is worked off, and committed. */
  async untilRead({ applicationId }: RollNames): Promise<void> {
    const ranges = await wholeTopics(this.port, [backfillTopic(applicationId)]);
    const deadlineMs = systemClock.monotonicMs() + this.#settleMs;
    for (;;) {
      const committed = await committedOffsets(this.port, applicationId, ranges);
      if (ranges.every((range) => committed(range) >= range.to)) return;
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('the backfill is not read');
      await systemClock.sleep(200);
    }
  }

  /** Until totals and days are what the workload says of itself. */
  async untilRight({ streams }: RollApplication, workload: Workload): Promise<void> {
    const deadlineMs = systemClock.monotonicMs() + this.#settleMs;
    for (;;) {
      // On a busy machine a task may be taken anew in between.
      const wrong = await differences(streams, workload).catch(messages);
      if (wrong.length === 0) return;
      if (systemClock.monotonicMs() > deadlineMs) throw new Error(wrong.join('; '));
      await systemClock.sleep(200);
    }
  }
}

/** Services, loader and backfill share this process: while it computes, a connection may wait too long. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attemptsMax || !isRollguardError(error, 'DATABASE_UNAVAILABLE')) throw error;
    }
  }
}

function messages(error: unknown): readonly string[] {
  return [messageOf(error)];
}

function topicOf(prefix: string, table: string): string {
  return `${prefix}.public.${table}`;
}

async function differences(
  streams: KafkaStreams,
  { expectations, from, to }: Workload,
): Promise<readonly string[]> {
  const queries = rollQueries(streams);
  const wrong: string[] = [];
  for (const expectation of expectations) {
    const { tenantId, propertyId } = expectation;
    const { days } = await queries.property({ tenantId, propertyId, from, to });
    const totals = days.reduce((sum, day) => addDays(sum, day), noDay);
    wrong.push(...differencesOf(expectation, { days: [...days], totals }));
  }
  return wrong;
}

type Counts = Parameters<typeof differencesOf>[1]['totals'];

const noDay: Counts = {
  ...{ roomsSold: 0, arrivals: 0, departures: 0, cancellations: 0, noShows: 0, revenueMinor: {} },
};

function addDays(sum: Counts, day: Counts): Counts {
  const revenueMinor = { ...sum.revenueMinor };
  for (const [currency, minor] of Object.entries(day.revenueMinor)) {
    revenueMinor[currency] = (revenueMinor[currency] ?? 0) + minor;
  }
  return {
    roomsSold: sum.roomsSold + day.roomsSold,
    arrivals: sum.arrivals + day.arrivals,
    departures: sum.departures + day.departures,
    cancellations: sum.cancellations + day.cancellations,
    noShows: sum.noShows + day.noShows,
    revenueMinor,
  };
}

/** Whose rows a workload is. */
export function tenantsOf(workload: Workload): readonly string[] {
  return [...new Set(workload.expectations.map(({ tenantId }) => tenantId))];
}
