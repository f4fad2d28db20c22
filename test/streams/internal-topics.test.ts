import { describe, expect, test } from '@jest/globals';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import { prepareTopics } from '../../streams/internal-topics.ts';
import type { KafkaAdmin, NewTopic } from '../../streams/kafka/port.ts';
import { compileStreamsConfig } from '../../streams/streams-config.ts';
import { TopologyBuilder, type Topology } from '../../streams/topology-builder.ts';

const config = compileStreamsConfig({ applicationId: 'app' });

function admin(
  existing: readonly NewTopic[],
): KafkaAdmin & { readonly topics: Map<string, NewTopic> } {
  const topics = new Map(existing.map((topic) => [topic.name, topic]));
  return {
    topics,
    describeTopics: (names) =>
      Promise.resolve(
        names.flatMap((name) => {
          const topic = topics.get(name);
          return topic === undefined
            ? []
            : [{ name, topicId: name, partitionCount: topic.partitionCount }];
        }),
      ),
    createTopics: (wanted) => {
      for (const topic of wanted) topics.set(topic.name, topic);
      return Promise.resolve();
    },
    topicConfigs: (names) =>
      Promise.resolve(new Map(names.map((name) => [name, topics.get(name)?.configs ?? {}]))),
    listOffsets: () => Promise.resolve([]),
    deleteTopics: () => Promise.resolve(),
    groupMembers: () => Promise.resolve([]),
  };
}

function topology(sources: readonly string[]): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology('count')
    .source('in', { topics: sources, deserialize: () => undefined })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('p', {
      parents: ['in'],
      supplier: () => ({ process: () => undefined }),
      stores: ['counts'],
    });
  return builder.build();
}

const topic = (name: string, partitionCount: number, configs = {}): NewTopic => ({
  name,
  partitionCount,
  configs,
});

describe('internal topics', () => {
  test('creates the changelog compacted, with one partition a task, and the dead-letter topic', async () => {
    const broker = admin([topic('lines', 3)]);

    await prepareTopics(broker, topology(['lines']), config);

    expect(broker.topics.get('app-count-changelog')).toMatchObject({
      partitionCount: 3,
      configs: { 'cleanup.policy': 'compact' },
    });
    expect(broker.topics.get('app-dlq')).toMatchObject({ partitionCount: 1 });
  });

  test('names the source topics that do not exist', async () => {
    await expect(prepareTopics(admin([]), topology(['lines', 'more']), config)).rejects.toThrow(
      'topics do not exist yet: lines, more',
    );
  });

  test('stops when the partitions of an input changed, naming the way out', async () => {
    const broker = admin([
      topic('lines', 4),
      topic('app-count-changelog', 3, { 'cleanup.policy': 'compact' }),
    ]);

    await expect(prepareTopics(broker, topology(['lines']), config)).rejects.toThrow(
      /app-count-changelog has 3 partitions, this topology needs 4: .* use a new application id and replay/,
    );
  });

  test('stops when a changelog is not compacted, naming the setting', async () => {
    const broker = admin([
      topic('lines', 3),
      topic('app-count-changelog', 3, { 'cleanup.policy': 'delete' }),
    ]);

    await expect(prepareTopics(broker, topology(['lines']), config)).rejects.toThrow(
      'changelog app-count-changelog has cleanup.policy=delete, which forgets state',
    );
  });

  test('refuses sources of a stateful sub-topology that are not co-partitioned', async () => {
    const broker = admin([topic('lines', 3), topic('more', 2)]);

    await expect(prepareTopics(broker, topology(['lines', 'more']), config)).rejects.toThrow(
      "sub-topology 'count' needs co-partitioned sources, but lines has 3, more has 2 partitions",
    );
  });
});
