/**
 * The Roll Service of one instance: registers its contract, makes sure its output topic exists, then
 * runs the roll topology. Answers NOT_READY until that has happened; the registry or Kafka may be away
 * for as long as they like.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import { avroWriter } from '../schemas/avro-codec.ts';
import { contractSchema, contractText, valueSubject } from '../schemas/contracts.ts';
import { DebeziumDecoder } from '../schemas/debezium-envelope.ts';
import type { SchemaRegistryPort } from '../schemas/registry.ts';
import { KafkaStreams, type KafkaPort, type Topology } from '../streams/index.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import type { RollChange } from '../topology/roll/diff.ts';
import { rollEventOf } from '../topology/roll/roll-event-codec.ts';
import {
  rollApplicationId,
  rollEventsContract,
  rollEventsTopic,
} from '../topology/roll/roll-names.ts';
import { rollQueries, type RollQueries } from '../topology/roll/roll-queries.ts';
import { rollTopology } from '../topology/roll/roll-topology.ts';
import type { HealthSource } from './routes/health.ts';

/** Events are keyed by reservation; six partitions are what the platform's consumers expect. */
const eventsPartitionCount = 6;
const startBackoffMs = 250;
const startBackoffMaxMs = 5_000;

export interface RollServiceOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class RollService implements HealthSource {
  readonly name = 'roll';
  readonly queries: RollQueries;
  readonly #options: RollServiceOptions;
  readonly #stop = new AbortController();
  #streams: KafkaStreams | undefined;
  #queries: RollQueries | undefined;
  #waitsFor = 'not started';
  #run: Promise<void> | undefined;

  constructor(options: RollServiceOptions) {
    this.#options = options;
    this.queries = {
      ledger: (tenantId, reservationId) => this.#ready().ledger(tenantId, reservationId),
      property: (query) => this.#ready().property(query),
    };
  }

  /** Starts in the background. */
  start(): void {
    this.#run ??= this.#runUntilStopped();
  }

  notReady(): string | undefined {
    return this.#streams === undefined ? this.#waitsFor : this.#streams.notReady();
  }

  /** Resolves when it has stopped; rejects with what stopped it. */
  async done(): Promise<void> {
    await this.#run;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#streams?.close();
    await this.#run?.catch(() => undefined);
  }

  #ready(): RollQueries {
    if (this.#queries !== undefined) return this.#queries;
    throw new RollguardError(
      'NOT_READY',
      `the roll service is starting (${this.#waitsFor}); try again shortly`,
    );
  }

  async #runUntilStopped(): Promise<void> {
    const { settings, port, clock, logger, metrics } = this.#options;
    const topology = await this.#prepare();
    if (topology === undefined) return;
    const streams = new KafkaStreams({
      topology,
      port,
      options: {
        applicationId: rollApplicationId(settings),
        commitIntervalMs: settings.COMMIT_INTERVAL_MS,
        deserializationFailure: settings.DESERIALIZATION_FAILURE,
        processingFailure: settings.PROCESSING_FAILURE,
        processingAttemptsMax: settings.PROCESSING_ATTEMPTS_MAX,
        productionFailure: settings.PRODUCTION_FAILURE,
      },
      stateDir: settings.ROLLGUARD_STATE_DIR,
      stateKind: 'rocksdb',
      clock,
      logger,
      metrics,
    });
    this.#streams = streams;
    this.#queries = rollQueries(streams);
    streams.start();
    await streams.done();
  }

  /** What has to be there before the topology can run; tried until it is. */
  async #prepare(): Promise<Topology | undefined> {
    const { signal } = this.#stop;
    const { clock, logger } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await this.#topology();
      } catch (error) {
        if (!isRollguardError(error) || error.row.reaction !== 'retry') throw error;
        this.#waitsFor = messageOf(error);
        logger.warn('the roll service cannot start yet', { error });
        await clock.sleep(Math.min(startBackoffMs * 2 ** attempt, startBackoffMaxMs), signal);
      }
    }
    return undefined;
  }

  async #topology(): Promise<Topology> {
    const { settings, registry, port, metrics } = this.#options;
    const eventsTopic = rollEventsTopic(settings);
    const schemaId = await registry.register(
      valueSubject(eventsTopic),
      contractText(rollEventsContract),
    );
    const write = avroWriter(contractSchema(rollEventsContract), schemaId);
    await port.admin.createTopics([
      { name: eventsTopic, partitionCount: eventsPartitionCount, configs: {} },
    ]);
    const decoder = new DebeziumDecoder({ registry, columns: capturedColumns });
    return rollTopology({
      topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
      eventsTopic,
      partitionCount: settings.ROLLGUARD_PARTITIONS,
      decode: (table, value) => decoder.decode(table, value),
      encodeEvent: (change: RollChange) => write(rollEventOf(change)),
      metrics,
    });
  }
}
