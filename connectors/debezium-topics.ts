/**
 * The topics Connect creates for a Debezium connector, and why they keep what they keep.
 *
 * A table's topic is compacted: its key is the row's, so the newest version of every row stays for
 * ever and a replay from the first offset finds every fact, while the topic stays as large as the
 * table. Nothing younger than `historyKeptMs` is compacted: a reader that is less behind sees every
 * change, deletions with their last image included. Heartbeats are worth nothing once they are old.
 */
import { z } from 'zod';
import type { ConnectConfig } from './connector-config.ts';

const day = 86_400_000;
/** A week: the longest a reader may be away and still see each single change. */
const historyKeptMs = 7 * day;
const heartbeatKeptMs = day;

export const topicPartitions = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1000, 'must be at most 1000');

export interface TopicLayout {
  readonly partitions: number;
  readonly replicationFactor: number;
}

/** Topic of the heartbeats that went through the WAL: messages of the heartbeat's action. */
export function heartbeatMessageTopic(topicPrefix: string): string {
  return `${topicPrefix}.message`;
}

/** Topic of Debezium's own heartbeats, which carry its position. */
export function heartbeatTopic(topicPrefix: string): string {
  return `__debezium-heartbeat.${topicPrefix}`;
}

/** A captured table's topic, as Connect creates it for the table's first row. */
export interface CapturedTopic {
  readonly name: string;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

const tableTopicConfigs = {
  'cleanup.policy': 'compact',
  'min.compaction.lag.ms': String(historyKeptMs),
  'delete.retention.ms': String(historyKeptMs),
};

/** The topics of the tables, empty ones included, for which Connect creates none. */
export function capturedTopics(connector: {
  readonly topicPrefix: string;
  readonly tables: readonly string[];
  readonly topics: TopicLayout;
}): readonly CapturedTopic[] {
  const { partitions: partitionCount, replicationFactor } = connector.topics;
  return connector.tables.map((table) => ({
    name: `${connector.topicPrefix}.${table}`,
    partitionCount,
    replicationFactor,
    configs: tableTopicConfigs,
  }));
}

/** The `topic.creation.*` settings; Connect uses them only for topics that do not exist yet. */
export function topicSettings(topicPrefix: string, layout: TopicLayout): ConnectConfig {
  const heartbeatTopics = [heartbeatTopic(topicPrefix), heartbeatMessageTopic(topicPrefix)];
  const table = 'topic.creation.default';
  const heartbeat = 'topic.creation.heartbeat';
  return {
    'topic.creation.groups': 'heartbeat',
    [`${table}.partitions`]: String(layout.partitions),
    [`${table}.replication.factor`]: String(layout.replicationFactor),
    ...Object.fromEntries(
      Object.entries(tableTopicConfigs).map(([name, value]) => [`${table}.${name}`, value]),
    ),
    [`${heartbeat}.include`]: heartbeatTopics.map(literalPattern).join(','),
    [`${heartbeat}.partitions`]: '1',
    [`${heartbeat}.replication.factor`]: String(layout.replicationFactor),
    [`${heartbeat}.cleanup.policy`]: 'delete',
    [`${heartbeat}.retention.ms`]: String(heartbeatKeptMs),
  };
}

/** A regular expression (Java's) that matches exactly this name. */
export function literalPattern(name: string): string {
  return name.replaceAll('.', '\\.');
}
