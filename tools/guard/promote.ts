/**
 * Carries the state and the offsets of one application id over to another, from shadow to plain: holds
 * taken in shadow still block. What it leaves if it is killed after each step, and run again:
 *
 *   1 note that it has begun            an empty topic beside nothing
 *   2 fence the old id's tasks          the same; an instance that was paused can commit no more
 *   3 make the topics, note their ids   topics that are known by their ids, or empty: deleted, begun again
 *   4 copy the records                  the same
 *   5 note that it is done, and commit  both or neither; after that it says "already promoted", and
 *     the group's offsets               nothing of the new id is ever deleted
 *
 * The old id's topics and group stay as they are: the way back.
 */
import type { Clock } from '../../kernel/clock.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type {
  KafkaPort,
  PartitionOffset,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { committedPositions } from '../stopped-application/application-topics.ts';
import { commitAlone } from '../stopped-application/commit-alone.ts';
import { fenceTasks } from '../stopped-application/fence-tasks.ts';
import { partitionsOf, type CarriedTopic } from './carried-topics.ts';
import { copyPartition } from './copy-partition.ts';
import { PositionMap, type PositionsByTopic } from './position-map.ts';
import { promotedDecision, promotedName, type PromotedIds } from './promoted-decision.ts';
import {
  checkAlone,
  checkSource,
  checkStopped,
  checkTarget,
  checkUnmoved,
} from './promotion-checks.ts';
import { noteBatch, promotionTopic, readPromotionMark } from './promotion-mark.ts';
import { settledEnds } from './settled-ends.ts';

export interface PromoteOptions extends PromotedIds {
  readonly port: KafkaPort;
  readonly topology: Topology;
  /** The internal topic whose records name where their input stood. */
  readonly decisions: string;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface PromotionReport extends PromotedIds {
  readonly outcome: 'promoted' | 'already-promoted' | 'would-promote';
  readonly topics: readonly PromotedTopic[];
  /** The group's positions under the new id; before anything is copied, those of the old one. */
  readonly offsets: readonly PartitionOffset[];
}

export interface PromotedTopic {
  readonly from: string;
  readonly to: string;
  readonly partitionCount: number;
  /** Committed records; what would be copied, aborted records and markers included. */
  readonly records: number;
}

const transactionTimeoutMs = 60_000;

/** @throws PRECONDITION_FAILED when something stands in the way; then nothing was changed. */
export async function promote(options: PromoteOptions): Promise<PromotionReport> {
  const { port, to, dryRun } = options;
  if (dryRun) return preview(options);
  // Taking the id over settles what a promotion that was killed has left open, and fences one that runs.
  const producer = await port.openProducer({
    transactionalId: promotionTopic(to).name,
    transactionTimeoutMs,
  });
  try {
    return await promoteWith(producer, options);
  } finally {
    await producer.close();
  }
}

async function promoteWith(
  producer: TransactionalProducer,
  options: PromoteOptions,
): Promise<PromotionReport> {
  const { port, topology, from, to, progress } = options;
  const mark = await readPromotionMark(port, to);
  if (mark?.completed !== undefined) return already(options);
  await checkStopped(port, options);
  const topics = await checkSource(port, topology, options);
  const partial = await checkTarget(port, topology, to, mark);

  await port.admin.createTopics([promotionTopic(to)]);
  await fence(options);
  const partitions = topics.flatMap(partitionsOf);
  const ends = await settledEnds(port, partitions, options.clock);
  if (partial.length > 0) {
    progress(
      `promote: ${partial.length} topics of a promotion that was not completed: begun again`,
    );
    await port.admin.deleteTopics(partial.map(({ name }) => name));
  }
  await createTopics(topics, producer, options);
  const copied = await copyTopics(topics, ends, producer, options);

  await checkStopped(port, options);
  checkUnmoved(ends, await settledEnds(port, partitions, options.clock));
  const committed = await committedPositions(port, topology, from);
  const offsets = committed.map((each) => promotedPosition(each, copied.positions, options));
  await complete(offsets, copied.ends, producer, options);
  return { outcome: 'promoted', from, to, topics: copied.topics, offsets };
}

/** A look at what there is; nothing is fenced, so an open transaction may still move it. */
async function preview(options: PromoteOptions): Promise<PromotionReport> {
  const { port, topology, from, to } = options;
  const mark = await readPromotionMark(port, to);
  if (mark?.completed !== undefined) return already(options);
  await checkStopped(port, options);
  const topics = await checkSource(port, topology, options);
  await checkTarget(port, topology, to, mark);
  const offsets = await committedPositions(port, topology, from);
  const described: PromotedTopic[] = [];
  for (const topic of topics) {
    const starts = await port.admin.listOffsets(partitionsOf(topic), 'earliest');
    const ends = await port.admin.listOffsets(partitionsOf(topic), 'latest');
    described.push(promotedTopic(topic, sum(ends) - sum(starts)));
  }
  return { outcome: 'would-promote', from, to, topics: described, offsets };
}

function already({ from, to }: PromoteOptions): PromotionReport {
  return { outcome: 'already-promoted', from, to, topics: [], offsets: [] };
}

async function fence({ port, topology, from, progress, signal }: PromoteOptions): Promise<void> {
  progress(`promote: fencing the tasks of ${from}`);
  await fenceTasks({ port, topology, applicationId: from, signal });
}

async function createTopics(
  topics: readonly CarriedTopic[],
  producer: TransactionalProducer,
  { port, to, clock }: PromoteOptions,
): Promise<void> {
  // A topic's own settings only: the broker's defaults go on being the broker's.
  const configs = await port.admin.topicConfigs(
    topics.map(({ from }) => from),
    'own',
  );
  const wanted = topics.map(({ from, to: name, partitionCount }) => ({
    ...{ name, partitionCount, configs: configs.get(from) ?? {} },
  }));
  await port.admin.createTopics(wanted);
  const made = await port.admin.describeTopics(wanted.map(({ name }) => name));
  const topicIds = Object.fromEntries(made.map(({ name, topicId }) => [name, topicId]));
  await producer.produce([noteBatch(to, { kind: 'begun', topicIds }, clock.nowMs())]);
  await producer.commit();
}

interface CopiedTopics {
  readonly topics: readonly PromotedTopic[];
  readonly positions: PositionsByTopic;
  /** By the new name, where the copy ends in each partition. */
  readonly ends: Record<string, number[]>;
}

async function copyTopics(
  topics: readonly CarriedTopic[],
  settled: ReadonlyMap<string, number>,
  producer: TransactionalProducer,
  options: PromoteOptions,
): Promise<CopiedTopics> {
  const { port, signal, progress } = options;
  const positions = new Map<string, PositionMap[]>();
  const ends: Record<string, number[]> = {};
  const done: PromotedTopic[] = [];
  const isDecisions = ({ from }: CarriedTopic): boolean =>
    from === `${options.from}-${options.decisions}`;
  // Decisions come last: they name positions in the others.
  const inOrder = [...topics].sort((a, b) => Number(isDecisions(a)) - Number(isDecisions(b)));
  for (const topic of inOrder) {
    let records = 0;
    for (const start of await port.admin.listOffsets(partitionsOf(topic), 'earliest')) {
      const map = topic.isRead ? new PositionMap() : undefined;
      const copied = await copyPartition({
        ...{ port, producer, signal, to: topic.to, positions: map },
        range: { ...start, from: start.offset, to: settled.get(partitionName(start)) ?? 0 },
        rewrite: isDecisions(topic)
          ? (line) => promotedDecision(line, options, positions)
          : (value) => value,
      });
      records += copied.records;
      (ends[topic.to] ??= [])[start.partition] = copied.end;
      if (map === undefined) continue;
      const maps = positions.get(topic.from) ?? [];
      maps[start.partition] = map;
      positions.set(topic.from, maps);
    }
    progress(`promote: ${topic.from} -> ${topic.to}: ${records} records`);
    done.push(promotedTopic(topic, records));
  }
  return { topics: done, positions, ends };
}

/** Topics from outside are the same ones for both ids; in a copy the position shifts. */
function promotedPosition(
  { topic, partition, offset }: PartitionOffset,
  positions: PositionsByTopic,
  ids: PromotedIds,
): PartitionOffset {
  const map = positions.get(topic)?.[partition];
  if (map === undefined) return { topic, partition, offset };
  return { topic: promotedName(topic, ids), partition, offset: map.at(offset) };
}

async function complete(
  offsets: readonly PartitionOffset[],
  ends: CopiedTopics['ends'],
  producer: TransactionalProducer,
  { port, from, to, clock }: PromoteOptions,
): Promise<void> {
  const at = new Date(clock.nowMs()).toISOString();
  const note = noteBatch(to, { kind: 'completed', from, at, ends }, clock.nowMs());
  await commitAlone({
    ...{ port, producer, groupId: to, offsets, note },
    checkAlone: (members) => checkAlone(to, members),
  });
}

function promotedTopic({ from, to, partitionCount }: CarriedTopic, records: number): PromotedTopic {
  return { from, to, partitionCount, records };
}

function sum(positions: readonly PartitionOffset[]): number {
  return positions.reduce((total, { offset }) => total + offset, 0);
}
