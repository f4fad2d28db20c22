/**
 * Runs a topology, or a part of one, as the only member of its group until everything it reads is worked
 * off: up to the bounds where there are any, to the end elsewhere. What it does is exactly once, as ever:
 * killed, it goes on from its last commit.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import {
  KafkaStreams,
  type KafkaPort,
  type StreamsOptions,
  type Topology,
} from '../../streams/index.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { PartitionOffset, TopicPartition } from '../../streams/kafka/port.ts';
import { readRanges } from '../../streams/kafka/read-ranges.ts';
import { pacedProgress } from '../paced-progress.ts';
import {
  allSources,
  committedPositions,
  partitionsOfTopics,
} from '../stopped-application/application-topics.ts';
import { boundedPort } from './bounded-port.ts';
import { heldLettersTopic } from './held-letters.ts';
import type { ReplayParts } from './replayed-application.ts';

export interface WorkOffOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly topology: Topology;
  readonly applicationId: string;
  /** By `topic-partition`. */
  readonly bounds: ReadonlyMap<string, number>;
  /** Undefined: in memory. */
  readonly stateDir: string | undefined;
  readonly options?: Partial<StreamsOptions>;
  /** For progress: what is being done. */
  readonly what: string;
}

const pollMs = 100;
const lookIntervalMs = 1_000;
const failuresMax = 10;
// Positions of what was written outside of a task are markers, a few for each transaction: these are looked into.
const lookIntoMax = 100_000;
// A killed run's place in the group is free again after the shortest session that brokers grant by default.
const options = {
  ...{ commitIntervalMs: 500, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_500 },
  ...{ transactionRecordsMax: 20_000, transactionBytesMax: 16 * 1024 * 1024 },
};

/** @param then is called with everything worked off and the engine still running: its stores can be read. */
export async function workOff<Result>(
  work: WorkOffOptions,
  then: (streams: KafkaStreams) => Promise<Result>,
): Promise<Result> {
  const { port, topology, applicationId, bounds, stateDir, clock, logger } = work;
  const streams = new KafkaStreams({
    ...{ topology, clock, logger, metrics: noMetrics, port: boundedPort(port, bounds) },
    options: {
      ...{ applicationId, deadLetterTopic: heldLettersTopic(applicationId) },
      ...{ ...options, ...work.options },
    },
    ...(stateDir === undefined
      ? { stateDir: '', stateKind: 'memory' as const }
      : { stateDir, stateKind: 'rocksdb' as const }),
  });
  streams.start();
  try {
    await untilWorkedOff(streams, work);
    return await then(streams);
  } finally {
    await streams.close();
  }
}

async function untilWorkedOff(streams: KafkaStreams, work: WorkOffOptions): Promise<void> {
  const { clock, signal, logger } = work;
  const tell = progressOf(streams, work);
  let lookedMs = -Infinity;
  let failures = 0;
  for (;;) {
    if (streams.status === 'error') await streams.done();
    signal.throwIfAborted();
    tell();
    try {
      if (clock.monotonicMs() - lookedMs >= lookIntervalMs) {
        lookedMs = clock.monotonicMs();
        await checkAlone(work);
      }
      const isIdle =
        streams.notReady() === undefined && streams.tasks().every(({ lag }) => lag === 0);
      if (isIdle && (await isWorkedOff(work))) return;
      failures = 0;
    } catch (error) {
      // The engine waits for a broker that is away; so does whoever watches it, for a while.
      failures += 1;
      const isTransient = isRollguardError(error) && error.row.reaction === 'retry';
      if (!isTransient || failures > failuresMax) throw error;
      logger.warn('the replay could not look how far it is', { error });
    }
    await clock.sleep(pollMs);
  }
}

/** Another instance would get tasks, and write what is held back here. */
async function checkAlone({ port, applicationId }: WorkOffOptions): Promise<void> {
  const members = await port.admin.groupMembers(applicationId);
  if (members.length <= 1) return;
  const names = members.map(({ memberId, host }) => `${memberId} on ${host}`).join(', ');
  throw new RollguardError(
    'PRECONDITION_FAILED',
    `an instance of ${applicationId} was started while it is replayed (members: ${names}): stop it and ` +
      'run the same command again',
  );
}

/**
 * Nothing is left between what is committed and the end of any source, and no source has grown since:
 * then nothing is under way either, for a task commits what it writes with what it has read.
 */
async function isWorkedOff(work: WorkOffOptions): Promise<boolean> {
  const before = await ends(work);
  const { port, topology, applicationId } = work;
  const committed = await committedPositions(port, topology, applicationId);
  const at = new Map(committed.map((each) => [partitionName(each), each.offset]));
  const starts = await port.admin.listOffsets(before, 'earliest');
  const startOf = new Map(starts.map((each) => [partitionName(each), each.offset]));
  const unread = before.flatMap(({ offset: to, ...partition }) => {
    const name = partitionName(partition);
    const from = at.get(name) ?? startOf.get(name) ?? 0;
    return from < to ? [{ ...partition, from, to }] : [];
  });
  if (unread.some(({ from, to }) => to - from > lookIntoMax)) return false;
  let waiting = 0;
  await readRanges(port, unread, () => {
    waiting += 1;
    return false;
  });
  if (waiting > 0) return false;
  const after = await ends(work);
  return after.every(({ offset }, index) => before[index]?.offset === offset);
}

/** Of every source partition, in a fixed order; open transactions are before their end. */
async function ends(work: WorkOffOptions): Promise<readonly PartitionOffset[]> {
  const { port, topology, applicationId, bounds } = work;
  const partitions: readonly TopicPartition[] = await partitionsOfTopics(
    port,
    [...allSources(topology, applicationId)].sort(),
  );
  const latest = await port.admin.listOffsets(partitions, 'latest');
  const byName = new Map(latest.map((each) => [partitionName(each), each.offset]));
  return partitions.map((each) => {
    const end = byName.get(partitionName(each)) ?? 0;
    return { ...each, offset: Math.min(end, bounds.get(partitionName(each)) ?? Infinity) };
  });
}

function progressOf(streams: KafkaStreams, work: WorkOffOptions): () => void {
  const { what } = work;
  const left = (): number => streams.tasks().reduce((sum, { lag }) => sum + lag, 0);
  const done = (): number =>
    streams.backlog().reduce((sum, { offset }) => sum + Math.max(0, offset), 0);
  let first: number | undefined;
  const tell = pacedProgress(work, (now, spentMs) => {
    const perSecond = Math.round((now / Math.max(1, spentMs)) * 1_000);
    const leftNow = left();
    const eta = perSecond === 0 ? '' : `, about ${Math.ceil(leftNow / perSecond)} s to go`;
    return `replay: ${what}: ${now} offsets worked off, ${leftNow} wait (${perSecond}/s${eta})`;
  });
  return () => {
    if (streams.notReady() !== undefined) return;
    first ??= done();
    tell(done() - first);
  };
}
