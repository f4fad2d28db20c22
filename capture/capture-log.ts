/**
 * The capture's standing, kept in Kafka: a topic of one partition that nothing is ever taken out of, with an
 * event for every change. In Kafka, since that is what the captured rows are in: whoever has the rows has the
 * note about them, and an instance without a Postgres of its own has it, too.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type { KafkaPort } from '../streams/index.ts';
import { readRanges } from '../streams/kafka/read-ranges.ts';
import {
  gapReasons,
  unknownStanding,
  withEvent,
  type CaptureEvent,
  type CaptureStanding,
} from './capture-standing.ts';

const epoch = z.int().min(0);
const atMs = z.number();
const identity = { system: z.string(), timeline: z.int() };
const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('following'), epoch, atMs, ...identity }),
  z.object({ type: z.literal('gap'), epoch, atMs, reason: z.enum(gapReasons), detail: z.string() }),
  z.object({ type: z.literal('recovering'), epoch, atMs }),
  z.object({ type: z.literal('recovered'), epoch, atMs, ...identity }),
]);

const kept = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };

/** @param topicPrefix first part of the captured tables' topics. */
export function captureLogTopic(topicPrefix: string): string {
  return `${topicPrefix}.capture-log`;
}

export class CaptureLog {
  readonly topic: string;
  readonly #port: KafkaPort;
  #standing = unknownStanding;
  #topicId = '';
  #nextOffset = 0;

  constructor(port: KafkaPort, topicPrefix: string) {
    this.#port = port;
    this.topic = captureLogTopic(topicPrefix);
  }

  /** What is known now; asks the broker, and reads only what is new. @throws KAFKA_UNAVAILABLE */
  async read(): Promise<CaptureStanding> {
    const [described] = await this.#port.admin.describeTopics([this.topic]);
    if (described?.topicId !== this.#topicId) this.#forget(described?.topicId ?? '');
    if (described === undefined) return this.#standing;
    const partition = { topic: this.topic, partition: 0 };
    const [end] = await this.#port.admin.listOffsets([partition], 'stable');
    const to = end?.offset ?? 0;
    if (to <= this.#nextOffset) return this.#standing;
    await readRanges(this.#port, [{ ...partition, from: this.#nextOffset, to }], (record) => {
      this.#standing = withEvent(this.#standing, this.#eventIn(record.value));
      return true;
    });
    this.#nextOffset = to;
    return this.#standing;
  }

  /** Writes an event, and reads what is known then. @throws KAFKA_UNAVAILABLE */
  async append(event: CaptureEvent): Promise<CaptureStanding> {
    const topic = { name: this.topic, partitionCount: 1, configs: kept };
    await this.#port.admin.createTopics([topic]);
    const producer = await this.#port.openPlainProducer();
    try {
      const value = Buffer.from(JSON.stringify(event), 'utf8');
      const records = [{ key: null, value, timestampMs: event.atMs }];
      await producer.produce([{ topic: this.topic, partition: 0, records }]);
    } finally {
      await producer.close();
    }
    return this.read();
  }

  #forget(topicId: string): void {
    this.#topicId = topicId;
    this.#standing = unknownStanding;
    this.#nextOffset = 0;
  }

  #eventIn(value: Buffer | null): CaptureEvent {
    const parsed = eventSchema.safeParse(jsonIn(value));
    if (parsed.success) return parsed.data;
    // An event of a later version may say that something is missing.
    throw new RollguardError(
      'DECODE_FAILED',
      `${this.topic} has a record that this version does not understand: run a newer one`,
      { cause: parsed.error },
    );
  }
}

function jsonIn(value: Buffer | null): unknown {
  try {
    return JSON.parse(value?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}
