/**
 * The engine's own topics: between sub-topologies, changelogs, dead letters. Creates what is missing
 * and refuses to start on what would lose data: another partition count (keys would move to tasks
 * that do not hold their state), a changelog that is not compacted.
 */
import { RollguardError } from '../kernel/errors.ts';
import { deadLetterTopic } from './dead-letter.ts';
import type { KafkaAdmin, NewTopic, TopicDescription } from './kafka/port.ts';
import { messageBytesMaxDefault } from './output-topics.ts';
import type { StreamsConfig } from './streams-config.ts';
import { changelogTopic, topicName, type SubTopology, type Topology } from './topology-builder.ts';

export interface KnownTopic extends TopicDescription {
  /** The topic's `max.message.bytes`; of topics that are only read, Kafka's default. */
  readonly messageBytesMax: number;
}

/** Every topic of a topology that exists now, by its name on the broker. */
export type TopicCatalogue = ReadonlyMap<string, KnownTopic>;

type TopicConfigs = ReadonlyMap<string, Readonly<Record<string, string>>>;

// Whatever a source topic takes, the dead-letter topic takes too: no broker accepts a larger request.
const deadLetterBytesMax = 104_857_600;
/** One partition: letters are read by people and by `rollguard dlq`, in order. */
export const deadLetterPartitionCount = 1;

/**
 * Makes sure that every topic of the topology is there and fit.
 * @throws TOPIC_MISSING for a source or output topic of somebody else, TOPIC_MISCONFIGURED otherwise.
 */
export async function prepareTopics(
  admin: KafkaAdmin,
  topology: Topology,
  config: StreamsConfig,
): Promise<TopicCatalogue> {
  // A processor may have dead letters of its own; that topic is made with the engine's.
  const ours = deadLetterTopic(config);
  const external = externalTopics(topology).filter((name) => name !== ours);
  const known = await describe(admin, external);
  const missing = external.filter((name) => !known.has(name));
  if (missing.length > 0) {
    throw new RollguardError(
      'TOPIC_MISSING',
      `topics do not exist yet: ${missing.join(', ')}; create them, or start what writes them`,
    );
  }
  const wanted = internalTopics(topology, config);
  await createMissing(admin, wanted);
  for (const [name, topic] of await describe(
    admin,
    wanted.map((topic) => topic.name),
  )) {
    known.set(name, topic);
  }
  checkCounts(wanted.filter(isFixed(config)), known);
  const changelogs = changelogsOf(topology, config, known);
  await createMissing(admin, changelogs);
  for (const [name, topic] of await describe(
    admin,
    changelogs.map((topic) => topic.name),
  )) {
    known.set(name, topic);
  }
  checkCounts(changelogs, known);
  const written = [...wanted, ...changelogs].map(({ name }) => name);
  const configs = await admin.topicConfigs([...new Set([...written, ...sinkTopics(topology)])]);
  checkCompacted(
    changelogs.map(({ name }) => name),
    configs,
  );
  return new Map(
    [...known].map(([name, topic]) => [
      name,
      { ...topic, messageBytesMax: bytesMax(configs, name) },
    ]),
  );
}

function bytesMax(configs: TopicConfigs, name: string): number {
  const setting = Number(configs.get(name)?.['max.message.bytes']);
  return setting > 0 ? setting : messageBytesMaxDefault;
}

/** Tasks of a sub-topology: the partitions of its sources; with stores they must all have the same count. */
export function taskCount(
  subTopology: SubTopology,
  applicationId: string,
  known: ReadonlyMap<string, TopicDescription>,
): number {
  const counts = sourceTopics(subTopology, applicationId).map(
    (name) => [name, known.get(name)?.partitionCount ?? 0] as const,
  );
  const most = Math.max(...counts.map(([, count]) => count));
  if (subTopology.stores.length > 0 && counts.some(([, count]) => count !== most)) {
    const list = counts.map(([name, count]) => `${name} has ${count}`).join(', ');
    throw new RollguardError(
      'TOPIC_MISCONFIGURED',
      `sub-topology '${subTopology.name}' needs co-partitioned sources, but ${list} partitions`,
    );
  }
  return most;
}

export function sourceTopics(subTopology: SubTopology, applicationId: string): readonly string[] {
  return subTopology.sources.flatMap((source) =>
    source.topics.map((topic) => topicName(topic, applicationId)),
  );
}

function externalTopics(topology: Topology): readonly string[] {
  const names = new Set<string>();
  for (const { sources, sinks } of topology.subTopologies) {
    for (const topic of [
      ...sources.flatMap((source) => source.topics),
      ...sinks.map((sink) => sink.topic),
    ]) {
      if (typeof topic === 'string') names.add(topic);
    }
  }
  return [...names];
}

/** Topics of somebody else that the topology writes. */
function sinkTopics(topology: Topology): readonly string[] {
  return topology.subTopologies.flatMap(({ sinks }) =>
    sinks.flatMap(({ topic }) => (typeof topic === 'string' ? [topic] : [])),
  );
}

function internalTopics(topology: Topology, config: StreamsConfig): readonly NewTopic[] {
  const topics = [...topology.internalTopics].map(([name, { partitionCount, configs = {} }]) =>
    newTopic(`${config.applicationId}-${name}`, partitionCount, config, configs),
  );
  const deadLetters = newTopic(
    deadLetterTopic(config),
    deadLetterPartitionCount,
    config,
    deadLetterConfigs(),
  );
  return [...topics, deadLetters];
}

function changelogsOf(
  topology: Topology,
  config: StreamsConfig,
  known: ReadonlyMap<string, TopicDescription>,
): readonly NewTopic[] {
  return topology.subTopologies
    .filter((subTopology) => subTopology.stores.length > 0)
    .map((subTopology) =>
      newTopic(
        changelogTopic(subTopology.name, config.applicationId),
        taskCount(subTopology, config.applicationId, known),
        config,
        changelogConfigs(config),
      ),
    );
}

export function deadLetterConfigs(): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'max.message.bytes': String(deadLetterBytesMax),
  };
}

export function changelogConfigs(
  config: Pick<StreamsConfig, 'changelogTombstoneRetentionMs'>,
): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'compact',
    'delete.retention.ms': String(config.changelogTombstoneRetentionMs),
  };
}

function newTopic(
  name: string,
  partitionCount: number,
  config: StreamsConfig,
  configs: Readonly<Record<string, string>>,
): NewTopic {
  const { replicationFactor } = config;
  const topic = { name, partitionCount, configs };
  return replicationFactor === undefined ? topic : { ...topic, replicationFactor };
}

async function describe(
  admin: KafkaAdmin,
  names: readonly string[],
): Promise<Map<string, TopicDescription>> {
  if (names.length === 0) return new Map();
  const topics = await admin.describeTopics(names);
  return new Map(topics.map((topic) => [topic.name, topic]));
}

async function createMissing(admin: KafkaAdmin, wanted: readonly NewTopic[]): Promise<void> {
  const there = await describe(
    admin,
    wanted.map((topic) => topic.name),
  );
  const missing = wanted.filter((topic) => !there.has(topic.name));
  if (missing.length > 0) await admin.createTopics(missing);
}

/** Letters go to the first partition, so a dead-letter topic with a name of its own may have any count. */
function isFixed({ deadLetterTopic: given }: StreamsConfig): (topic: NewTopic) => boolean {
  return ({ name }) => name !== given;
}

function checkCounts(
  wanted: readonly NewTopic[],
  known: ReadonlyMap<string, TopicDescription>,
): void {
  for (const { name, partitionCount } of wanted) {
    const actual = known.get(name)?.partitionCount;
    if (actual === partitionCount) continue;
    throw new RollguardError(
      'TOPIC_MISCONFIGURED',
      `topic ${name} has ${actual ?? 0} partitions, this topology needs ${partitionCount}: partition ` +
        'counts are fixed for the life of an application id; use a new application id and replay',
    );
  }
}

function checkCompacted(changelogs: readonly string[], configs: TopicConfigs): void {
  for (const name of changelogs) {
    const policy = configs.get(name)?.['cleanup.policy'];
    if (policy === 'compact') continue;
    throw new RollguardError(
      'TOPIC_MISCONFIGURED',
      `changelog ${name} has cleanup.policy=${policy ?? 'unknown'}, which forgets state: ` +
        'set it to compact (kafka-configs --alter --add-config cleanup.policy=compact)',
    );
  }
}
