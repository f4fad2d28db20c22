/**
 * How far what the platform has committed has come, proven by positions: the capture's heartbeat carries
 * the platform's time through Postgres' log and Kafka; what is in the topics once it is heard is followed
 * from hop to hop, until the projectors have written it. A wave takes all that a heartbeat has behind it.
 */
import { heartbeatMessageTopic } from '../connectors/debezium-topics.ts';
import type { Settings } from '../kernel/settings.ts';
import type { SchemaRegistryPort } from '../schemas/registry.ts';
import { AvroDecoder } from '../schemas/avro-decoder.ts';
import { committedOffsets } from '../streams/kafka/committed-offsets.ts';
import { partitionName } from '../streams/kafka/partition-name.ts';
import type { KafkaPort, TopicPartition } from '../streams/kafka/port.ts';
import { readRanges, wholeTopics, type OffsetRange } from '../streams/kafka/read-ranges.ts';
import { parseInstantMicros } from '../topology/calendar/instant.ts';
import { lifecycleTable } from '../topology/captured/lifecycle-row.ts';
import {
  guardApplicationId,
  guardInternalTopics,
  inventoryEventsTopic,
} from '../topology/guard/guard-names.ts';
import { backfillTopic, rollApplicationId, rollEventsTopic } from '../topology/roll/roll-names.ts';
import type { Pipeline } from './reconcile.ts';
import type { LedgerTable } from './table-side.ts';

export interface KafkaPipelineOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  /** Our own tables: where the projectors stand. */
  readonly query: LedgerTable['query'];
  readonly hasLedger: boolean;
  readonly hasLocks: boolean;
}

/** From a captured row to an event: in at the door, by its key, and after a tick or an order. */
const hops = 3;
/** Transaction markers lie between the records. */
const tailOffsets = 20;

export function kafkaPipeline(options: KafkaPipelineOptions): Pipeline {
  return new KafkaPipeline(options);
}

/** What has to be reached: these positions, by a group in Kafka or by a projector in its table. */
interface Stage {
  readonly reader: Reader;
  /** Undefined: not asked yet. */
  ends: readonly OffsetRange[] | undefined;
}

interface Reader {
  readonly topics: readonly string[];
  positions(partitions: readonly TopicPartition[]): Promise<(of: TopicPartition) => number>;
}

interface Wave {
  /** All that the platform had committed by then is in it. */
  readonly heardMs: number;
  readonly stages: Stage[];
}

class KafkaPipeline implements Pipeline {
  readonly #options: KafkaPipelineOptions;
  readonly #avro: AvroDecoder;
  #passedMs = -Infinity;
  #wave: Wave | undefined;

  constructor(options: KafkaPipelineOptions) {
    this.#options = options;
    this.#avro = new AvroDecoder(options.registry);
  }

  async hasPassed(atMs: number): Promise<boolean> {
    while (this.#passedMs < atMs) {
      this.#wave ??= await this.#begin(atMs);
      if (this.#wave === undefined || !(await this.#isThrough(this.#wave))) return false;
      this.#passedMs = this.#wave.heardMs;
      this.#wave = undefined;
    }
    return true;
  }

  async #begin(atMs: number): Promise<Wave | undefined> {
    const heardMs = await this.#heardMs();
    if (heardMs < atMs) return undefined;
    const { hasLedger, hasLocks } = this.#options;
    const applications = [
      ...(hasLedger ? [this.#roll()] : []),
      ...(hasLocks ? [this.#guard()] : []),
    ];
    const stages = [
      ...Array.from({ length: hops }, () => applications.map(({ group }) => group)).flat(),
      ...applications.map(({ projector }) => projector),
    ];
    return { heardMs, stages: stages.map((reader) => ({ reader, ends: undefined })) };
  }

  async #isThrough({ stages }: Wave): Promise<boolean> {
    for (let stage = stages[0]; stage !== undefined; stage = stages[0]) {
      stage.ends ??= await wholeTopics(this.#options.port, stage.reader.topics);
      if (!(await this.#hasReached(stage.reader, stage.ends))) return false;
      stages.shift();
    }
    return true;
  }

  async #hasReached(reader: Reader, ends: readonly OffsetRange[]): Promise<boolean> {
    const { port } = this.#options;
    const positionOf = await reader.positions(ends);
    const behind = ends.filter((end) => positionOf(end) < end.to);
    if (behind.length === 0) return true;
    const starts = await port.admin.listOffsets(behind, 'earliest');
    const startOf = new Map(starts.map((start) => [partitionName(start), start.offset]));
    const left = behind.map((end) => ({
      ...end,
      from: Math.max(startOf.get(partitionName(end)) ?? 0, positionOf(end)),
    }));
    // What is between a position and the end may be transaction markers only.
    let hasRecords = false;
    await readRanges(port, left, () => {
      hasRecords = true;
      return false;
    });
    return !hasRecords;
  }

  /** The platform's time in the newest heartbeat; −Infinity where there is none. */
  async #heardMs(): Promise<number> {
    const { port, settings } = this.#options;
    const topic = heartbeatMessageTopic(settings.PLATFORM_TOPIC_PREFIX);
    const whole = await wholeTopics(port, [topic]);
    const tail = whole.map((range) => ({
      ...range,
      from: Math.max(range.from, range.to - tailOffsets),
    }));
    const beats: Buffer[] = [];
    await readRanges(port, tail, ({ value }) => {
      if (value !== null) beats.push(value);
      return true;
    });
    const times = await Promise.all(beats.map((value) => this.#timeIn(value)));
    return Math.max(-Infinity, ...times);
  }

  /** The heartbeat's text is the platform's `now()`. */
  async #timeIn(value: Buffer): Promise<number> {
    const decoded = (await this.#avro.decode(value)) as {
      readonly message?: { readonly content?: Buffer | null } | null;
    };
    const micros = parseInstantMicros(String(decoded.message?.content ?? ''));
    return micros === undefined ? -Infinity : micros / 1_000;
  }

  #roll(): Application {
    const { settings } = this.#options;
    const applicationId = rollApplicationId(settings);
    const datesTable =
      settings.ROLL_SERVICE_BUSINESS_DATES === 'captured' ? ['business_dates'] : [];
    return this.#application({
      applicationId,
      tables: [lifecycleTable, 'reservations', 'properties', ...datesTable],
      internal: [
        ...['reservation-facts-repartition', 'property-facts-repartition', 'ticks'].map(
          (name) => `${applicationId}-${name}`,
        ),
        backfillTopic(applicationId),
      ],
      eventsTopic: rollEventsTopic(settings),
    });
  }

  #guard(): Application {
    const { settings } = this.#options;
    const applicationId = guardApplicationId(settings);
    const { reservationFacts, holds, orders, commands } = guardInternalTopics;
    return this.#application({
      applicationId,
      tables: [lifecycleTable, 'reservations'],
      internal: [reservationFacts, holds, orders, commands].map(
        (name) => `${applicationId}-${name}`,
      ),
      eventsTopic: inventoryEventsTopic(settings),
    });
  }

  #application({
    applicationId,
    tables,
    internal,
    eventsTopic,
  }: {
    readonly applicationId: string;
    readonly tables: readonly string[];
    readonly internal: readonly string[];
    readonly eventsTopic: string;
  }): Application {
    const { port, settings, query } = this.#options;
    const prefix = `${settings.PLATFORM_TOPIC_PREFIX}.public.`;
    return {
      group: {
        topics: [...tables.map((table) => `${prefix}${table}`), ...internal],
        positions: (partitions) => committedOffsets(port, applicationId, partitions),
      },
      projector: {
        topics: [eventsTopic],
        positions: () => projectedOffsets(query, `${applicationId}-projector`, eventsTopic),
      },
    };
  }
}

interface Application {
  readonly group: Reader;
  readonly projector: Reader;
}

async function projectedOffsets(
  query: LedgerTable['query'],
  group: string,
  topic: string,
): Promise<(of: TopicPartition) => number> {
  const rows = await query(
    `SELECT partition, offset_position FROM roll_service_consumer_offsets
     WHERE consumer_group = $1 AND topic = $2`,
    [group, topic],
  );
  const offsets = new Map(rows.map((row) => [row['partition'], Number(row['offset_position'])]));
  return ({ partition }) => offsets.get(partition) ?? 0;
}
