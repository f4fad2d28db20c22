/**
 * Creates the captured tables' topics. Connect creates a topic with a table's first row, and an
 * application that reads a table without rows would wait for it for ever.
 */
import { capturedTopics } from '../../connectors/debezium-topics.ts';
import type { NewTopic } from '../../streams/kafka/port.ts';
import type { DebeziumPostgres } from '../../connectors/debezium-postgres.ts';
import type { Clock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';

const requestTimeoutMs = 3_000;

interface CreateTopicsOptions {
  readonly brokers: string;
  readonly clock: Clock;
  /** Created with them where they are missing. */
  readonly others?: readonly NewTopic[];
}

/** @returns the names of those that were not there. @throws KAFKA_UNAVAILABLE and the like. */
export async function createCapturedTopics(
  connector: DebeziumPostgres,
  { brokers, clock, others = [] }: CreateTopicsOptions,
): Promise<readonly string[]> {
  const port = createKafkajsPort({
    brokers: brokers.split(','),
    ...{ clientId: 'rollguard-cli', clock, logger: silentLogger, requestTimeoutMs },
  });
  try {
    const wanted = [...capturedTopics(connector), ...others];
    const there = await port.admin.describeTopics(wanted.map(({ name }) => name));
    const known = new Set(there.map(({ name }) => name));
    const missing = wanted.filter(({ name }) => !known.has(name));
    await port.admin.createTopics(missing);
    return missing.map(({ name }) => name);
  } finally {
    await port.close();
  }
}
