/** How far capture is behind, beside the tasks' states: the slot's lag and the age of the heartbeats. */
import { heartbeatMessageTopic, heartbeatTopic } from '../../connectors/debezium-topics.ts';
import { readSlot, type SlotStatus } from '../../connectors/replication-slot.ts';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';

/** A value, or why it is not known. */
export type Known<Value> = { readonly value: Value } | { readonly unknown: string };

export interface CaptureLag {
  /** Of the value undefined: there is no such slot. */
  readonly slot: Known<SlotStatus | undefined>;
  /**
   * Seconds since the last heartbeat: `connect` of Debezium itself, `wal` of those that went through
   * Postgres' log. Of the value undefined: there was none yet.
   */
  readonly heartbeatAgeSeconds: {
    readonly connect: Known<number | undefined>;
    readonly wal: Known<number | undefined>;
  };
}

export interface CaptureLagOptions {
  readonly databaseUrl: string | undefined;
  readonly brokers: string | undefined;
  readonly slot: string;
  readonly topicPrefix: string;
  readonly clock: Clock;
}

const requestTimeoutMs = 3_000;
/** Transaction markers lie between the records. */
const tailOffsets = 20;

export async function readCaptureLag(options: CaptureLagOptions): Promise<CaptureLag> {
  const { databaseUrl, slot } = options;
  const [slotStatus, heartbeatAgeSeconds] = await Promise.all([
    databaseUrl === undefined
      ? { unknown: 'PLATFORM_DATABASE_URL is not set' }
      : known(() => readSlot(databaseUrl, slot)),
    heartbeatAges(options),
  ]);
  return { slot: slotStatus, heartbeatAgeSeconds };
}

async function heartbeatAges({
  brokers,
  topicPrefix,
  clock,
}: CaptureLagOptions): Promise<CaptureLag['heartbeatAgeSeconds']> {
  if (brokers === undefined || brokers === '') {
    const unset = { unknown: 'KAFKA_BROKERS is not set' };
    return { connect: unset, wal: unset };
  }
  const port = createKafkajsPort({
    brokers: brokers.split(','),
    ...{ clientId: 'rollguard-cli', clock, logger: silentLogger, requestTimeoutMs },
  });
  const ageOf = async (topic: string): Promise<number | undefined> => {
    let lastMs: number | undefined;
    const ranges = (await wholeTopics(port, [topic])).map((range) => ({
      ...range,
      from: Math.max(range.from, range.to - tailOffsets),
    }));
    await readRanges(port, ranges, ({ timestampMs }) => {
      lastMs = Math.max(lastMs ?? 0, timestampMs);
      return true;
    });
    return lastMs === undefined ? undefined : Math.round((clock.nowMs() - lastMs) / 1_000);
  };
  try {
    const [connect, wal] = await Promise.all([
      known(() => ageOf(heartbeatTopic(topicPrefix))),
      known(() => ageOf(heartbeatMessageTopic(topicPrefix))),
    ]);
    return { connect, wal };
  } finally {
    await port.close();
  }
}

async function known<Value>(read: () => Promise<Value>): Promise<Known<Value>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}
