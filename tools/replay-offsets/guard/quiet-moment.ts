/**
 * A guard that may be alive, as it was at a moment: how far each of its tasks had read and decided, and
 * what it held then. A task writes its decisions, its changelog and its positions in one transaction, so
 * they agree whenever none of its transactions is under way. Each task has a moment of its own: what it
 * keeps follows from its own partitions alone.
 */
import { RollguardError } from '../../../kernel/errors.ts';
import type { KafkaPort, Topology } from '../../../streams/index.ts';
import { sourceTopics } from '../../../streams/internal-topics.ts';
import { committedPartitions } from '../../../streams/kafka/committed-offsets.ts';
import { partitionName } from '../../../streams/kafka/partition-name.ts';
import type { PartitionOffset, TopicPartition } from '../../../streams/kafka/port.ts';
import { partitionsOfTopics } from '../../stopped-application/application-topics.ts';
import { changelogTasks } from '../../verify/task-contents.ts';
import { boundedPort } from '../bounded-port.ts';
import type { Moment, ReplayParts } from '../replayed-application.ts';
import { guardHashes } from './guard-hashes.ts';

export interface QuietMomentOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly topology: Topology;
  readonly applicationId: string;
  /** Sources that its tasks write, and commit no position of. */
  readonly unread: readonly string[];
}

interface MovingTask {
  readonly task: string;
  readonly written: readonly TopicPartition[];
  readonly read: readonly TopicPartition[];
}

// A transaction takes milliseconds, and a task that is always in one hardly any: whatever takes longer hangs.
const quietWithinMs = 60_000;
const pollMs = 50;

/** @throws NOT_READY when there is none within a minute; nothing was changed. */
export async function quietMoment(options: QuietMomentOptions): Promise<Moment> {
  const { port, applicationId, progress } = options;
  progress(`replay: waiting for a moment of ${applicationId} without a transaction`);
  const positions = await quietPositions(options);
  // At once: what is superseded after that moment stays only until its segment is compacted.
  const hashes = await guardHashes({ ...options, port: boundedPort(port, positions) });
  return { positions, hashes };
}

async function quietPositions(options: QuietMomentOptions): Promise<ReadonlyMap<string, number>> {
  const { clock, signal } = options;
  const positions = new Map<string, number>();
  const untilMs = clock.monotonicMs() + quietWithinMs;
  let moving = await tasksOf(options);
  for (;;) {
    signal.throwIfAborted();
    const seen = await look(moving, options);
    for (const { task, offsets } of seen) {
      for (const each of offsets ?? []) positions.set(partitionName(each), each.offset);
      if (offsets !== undefined) moving = moving.filter((each) => each.task !== task);
    }
    const [busy] = moving;
    if (busy === undefined) return positions;
    if (clock.monotonicMs() >= untilMs) throw neverQuiet(busy, options);
    await clock.sleep(pollMs, signal);
  }
}

async function tasksOf(options: QuietMomentOptions): Promise<readonly MovingTask[]> {
  const { port, topology, applicationId, unread } = options;
  const tasks: MovingTask[] = [];
  for (const subTopology of topology.subTopologies) {
    const sources = await partitionsOfTopics(port, sourceTopics(subTopology, applicationId));
    for (const { task, changelog } of await changelogTasks(subTopology, options)) {
      const own = sources.filter(({ partition }) => partition === changelog.partition);
      const { topic, partition } = changelog;
      const written = [...own.filter((each) => unread.includes(each.topic)), { topic, partition }];
      tasks.push({ task, written, read: own.filter((each) => !unread.includes(each.topic)) });
    }
  }
  return tasks;
}

/** Of each task where it stands, undefined while it writes. */
async function look(
  tasks: readonly MovingTask[],
  { port, applicationId }: QuietMomentOptions,
): Promise<
  readonly { readonly task: string; readonly offsets: readonly PartitionOffset[] | undefined }[]
> {
  const written = tasks.flatMap((each) => each.written);
  const stable = byName(await port.admin.listOffsets(written, 'stable'));
  const read = tasks.flatMap((each) => each.read);
  const committed = byName(await committedPartitions(port, applicationId, read));
  // Ends only grow: one that is what was stable before has not moved between, and nothing was open.
  const latest = byName(await port.admin.listOffsets(written, 'latest'));
  return tasks.map((task) => {
    const isQuiet = task.written
      .map(partitionName)
      .every((name) => stable.get(name)?.offset === latest.get(name)?.offset);
    const stands = [
      ...task.written.map((each) => stable.get(partitionName(each))),
      ...task.read.map((each) => committed.get(partitionName(each))),
    ];
    const offsets = isQuiet ? stands.filter((each) => each !== undefined) : undefined;
    return { task: task.task, offsets };
  });
}

function byName(offsets: readonly PartitionOffset[]): ReadonlyMap<string, PartitionOffset> {
  return new Map(offsets.map((each) => [partitionName(each), each]));
}

function neverQuiet(
  { task, written }: MovingTask,
  { applicationId }: QuietMomentOptions,
): RollguardError {
  const topics = written.map(partitionName).join(' and ');
  return new RollguardError(
    'NOT_READY',
    `--into found no moment in ${quietWithinMs / 1_000} s at which no transaction of ${task} of ` +
      `${applicationId} was open in ${topics}: run it again when less is asked of it. If nothing is, find ` +
      'who has one open with `kafka-transactions find-hanging`, and abort it',
  );
}
