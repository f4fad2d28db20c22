/**
 * A replay from its plan to its end. What it leaves if it is killed after each step, and run again:
 *
 *   1 fence the tasks              nothing was changed
 *   2 note that it has begun,      no instance starts any more; the run that follows goes on with the
 *     with all positions           positions of the note
 *   3 delete and make anew what    some are made anew, known by their ids, some are not: the others follow
 *     a full reset clears
 *   4 move the offsets, and note   both or neither; before that it begins again at 3
 *     that they are moved
 *   5 read again, derive, compare  goes on from its last commit; of differences only what is missing is
 *     and write the difference     written
 *   6 note that it is complete     instances start
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type {
  KafkaPort,
  PartitionOffset,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';
import {
  readReplayMark,
  replayNoteBatch,
  replayTopic,
  type BegunReplay,
  type CompletedReplay,
  type ReplayMark,
  type ReplayNote,
  type TaskHash,
} from '../../streams/replay-mark.ts';
import { allSources, committedPositions } from '../stopped-application/application-topics.ts';
import { commitAlone } from '../stopped-application/commit-alone.ts';
import { fenceTasks } from '../stopped-application/fence-tasks.ts';
import { forgetHeldLetters } from './held-letters.ts';
import { knownPartitions } from './known-partitions.ts';
import { checkAlone, checkSame, checkStopped, waitUntilStopped } from './replay-checks.ts';
import { planReplay, type ReplayPlan } from './replay-plan.ts';
import type { ReplayedApplication, ReplayParts } from './replayed-application.ts';
import type { AskedTarget } from './reset-target.ts';
import { writeNote } from './write-note.ts';

export interface ReplayOptions extends ReplayParts, AskedTarget {
  readonly port: KafkaPort;
  readonly application: ReplayedApplication;
  /** Empty: all. */
  readonly topics: readonly string[];
  readonly partitions: readonly number[];
  /** False: the plan alone; nothing is changed. */
  readonly isExecuted: boolean;
  /** Undefined: state is kept in memory. */
  readonly stateDir: string | undefined;
  readonly random: Random;
}

export interface ReplayReport {
  readonly outcome: 'would-replay' | 'would-go-on' | 'replayed';
  readonly applicationId: string;
  /** Undefined: nothing was begun. */
  readonly replayId: string | undefined;
  readonly plan: ReplayPlan;
  /** Differences written to outputs. */
  readonly emitted: number;
  readonly notes: readonly string[];
  readonly before: readonly TaskHash[];
  readonly after: readonly TaskHash[];
  /** Of this run, milliseconds. */
  readonly spentMs: number;
}

const transactionTimeoutMs = 60_000;

/** @throws PRECONDITION_FAILED when something stands in the way; then nothing was changed. */
export async function replayOffsets(options: ReplayOptions): Promise<ReplayReport> {
  const { port, application, isExecuted } = options;
  if (!isExecuted) return preview(options);
  // Taking the id over settles what a replay that was killed has left open, and fences one that runs.
  const producer = await port.openProducer({
    transactionalId: replayTopic(application.applicationId).name,
    transactionTimeoutMs,
  });
  try {
    return await replayWith(producer, options);
  } finally {
    await producer.close();
  }
}

/** A look at what there is; members may be alive and move it. */
async function preview(options: ReplayOptions): Promise<ReplayReport> {
  const { port, application } = options;
  const { applicationId } = application;
  const mark = await readReplayMark(port, applicationId);
  const isOpen = mark !== undefined && mark.completed === undefined;
  return {
    outcome: isOpen ? 'would-go-on' : 'would-replay',
    applicationId,
    replayId: isOpen ? mark.begun.replayId : undefined,
    plan: isOpen ? planOf(mark.begun, options) : await planNow(options),
    ...{ emitted: 0, notes: [], before: isOpen ? mark.begun.hashes : [], after: [], spentMs: 0 },
  };
}

async function replayWith(
  producer: TransactionalProducer,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const { port, application, clock, progress } = options;
  const { applicationId } = application;
  const startedMs = clock.monotonicMs();
  const mark = await readReplayMark(port, applicationId);
  const open = mark?.completed === undefined ? mark : undefined;
  const begun = open === undefined ? await begin(producer, options) : await goOn(open, options);
  if (open?.isReset !== true || (await isForgotten(begun, options))) {
    if (begun.isFull) await clear(begun, open?.isReset === true, options);
    await moveOffsets(begun, producer, options);
  }
  const { replayId, isFull, hashes: before } = begun;
  const bounds = boundsOf(begun, application);
  const { emitted, notes } = await application.run({ ...options, replayId, isFull, bounds });
  await checkStopped(port, applicationId);
  progress('replay: hashing the state after');
  const after = await application.hashes(options);
  const completed: CompletedReplay = {
    ...{ kind: 'completed', replayId, at: timeOf(options), hashes: [...after], emitted },
  };
  await forgetHeldLetters(port, applicationId);
  await writeNote(completed, producer, { applicationId, clock });
  return {
    ...{ outcome: 'replayed', applicationId, replayId, plan: planOf(begun, options) },
    ...{ emitted, notes, before, after, spentMs: clock.monotonicMs() - startedMs },
  };
}

async function begin(
  producer: TransactionalProducer,
  options: ReplayOptions,
): Promise<BegunReplay> {
  const { port, application, asked, clock, random, progress } = options;
  const { applicationId, topology } = application;
  await checkStopped(port, applicationId);
  // Names that cannot be reset are refused before anything is touched.
  await planNow(options);
  const tasks = await fenceTasks({ ...options, topology, applicationId });
  progress(`replay: fenced ${tasks} tasks of ${applicationId}`);
  const plan = await planNow(options);
  if (plan.isFull) await application.check?.(options);
  progress('replay: hashing the state before');
  const hashes = await application.hashes(options);
  const begun: BegunReplay = {
    ...{ kind: 'begun', replayId: random.uuid(), at: timeOf(options), asked, isFull: plan.isFull },
    positions: [
      ...plan.partitions.map(({ topic, partition, now, then }) => ({
        topic,
        partition,
        now,
        then,
      })),
      ...(plan.isFull ? await clearedPositions(options) : []),
    ],
    cleared: plan.isFull ? await clearedTopics(options) : [],
    hashes: [...hashes],
  };
  await port.admin.createTopics([replayTopic(applicationId)]);
  await writeNote(begun, producer, { applicationId, clock });
  await checkStopped(port, applicationId);
  return begun;
}

async function goOn({ begun }: ReplayMark, options: ReplayOptions): Promise<BegunReplay> {
  const { port, application, asked, progress } = options;
  const { applicationId, topology } = application;
  checkSame(applicationId, begun, asked);
  await waitUntilStopped(port, applicationId, options);
  progress(`replay: going on with the one that was begun at ${begun.at}`);
  await fenceTasks({ ...options, topology, applicationId });
  return begun;
}

/** A group that nobody uses for a week loses its offsets; what it had read since is in the state. */
async function isForgotten(
  begun: BegunReplay,
  { port, application }: ReplayOptions,
): Promise<boolean> {
  const { topology, applicationId } = application;
  const committed = await committedPositions(port, topology, applicationId);
  const known = new Set(committed.map(partitionName));
  return [...boundsOf(begun, application).keys()].some((name) => !known.has(name));
}

/** @param isAll true: also what this replay has made itself. */
async function clear(
  { cleared }: BegunReplay,
  isAll: boolean,
  { port, progress, signal }: ReplayOptions,
): Promise<void> {
  signal.throwIfAborted();
  const there = await port.admin.describeTopics(cleared.map(({ name }) => name));
  const old = new Set(cleared.map(({ topicId }) => topicId));
  const deleted = there.filter(({ topicId }) => isAll || old.has(topicId)).map(({ name }) => name);
  progress(`replay: making ${cleared.length} topics anew`);
  await port.admin.deleteTopics(deleted);
  await port.admin.createTopics(
    cleared.map(({ name, partitionCount, configs }) => ({ name, partitionCount, configs })),
  );
}

async function moveOffsets(
  begun: BegunReplay,
  producer: TransactionalProducer,
  options: ReplayOptions,
): Promise<void> {
  const { port, application, clock, progress } = options;
  const { applicationId } = application;
  // What is not moved is named as well: after a full reset nothing is where it was.
  const offsets = begun.positions.map(({ topic, partition, then }): PartitionOffset => ({
    ...{ topic, partition, offset: then },
  }));
  progress(`replay: moving the offsets of ${offsets.length} partitions`);
  const reset: ReplayNote = { kind: 'reset', replayId: begun.replayId };
  await commitAlone({
    ...{ port, producer, groupId: applicationId, offsets },
    note: replayNoteBatch(applicationId, reset, clock.nowMs()),
    checkAlone: (members) => checkAlone(applicationId, members),
  });
}

function boundsOf(
  { positions }: BegunReplay,
  { cleared }: ReplayedApplication,
): ReadonlyMap<string, number> {
  return new Map(
    positions
      .filter(({ topic }) => !cleared.includes(topic))
      .map((each) => [partitionName(each), Math.max(each.now, each.then)]),
  );
}

async function planNow(options: ReplayOptions): Promise<ReplayPlan> {
  const { application } = options;
  const { inputs, keptLogs } = application;
  const known = await knownPartitions(options, [...inputs, ...keptLogs]);
  if (known.every(({ committed }) => committed === undefined)) {
    const { applicationId } = application;
    const message = `${applicationId} has read nothing yet, so there is nothing to replay: start it`;
    throw new RollguardError('PRECONDITION_FAILED', message);
  }
  return planReplay({
    ...{ ...options, cleared: application.cleared, outputTopic: application.outputTopic },
    emits: application.emits,
    inputs: known.filter(({ topic }) => inputs.includes(topic)),
    keptLogs: known.filter(({ topic }) => keptLogs.includes(topic)),
  });
}

/** That of a replay that was begun. */
function planOf(
  { isFull, asked, positions, cleared }: BegunReplay,
  { application }: ReplayOptions,
): ReplayPlan {
  const names = new Set(cleared.map(({ name }) => name));
  const partitions = positions
    .filter(({ topic }) => !names.has(topic))
    .map((each) => ({
      ...{ ...each, again: Math.max(0, each.now - each.then) },
      ...{ skipped: Math.max(0, each.then - each.now), clippedFrom: undefined },
    }));
  return {
    ...{ isFull, why: `as it was begun: ${asked}`, partitions, cleared: [...names] },
    again: partitions.reduce((sum, { again }) => sum + again, 0),
    skipped: partitions.reduce((sum, { skipped }) => sum + skipped, 0),
    emits: application.emits ?? `to ${application.outputTopic} only what is missing there`,
  };
}

/** Sources that will be empty. */
async function clearedPositions({
  port,
  application,
}: ReplayOptions): Promise<BegunReplay['positions']> {
  const { topology, applicationId, cleared } = application;
  const read = allSources(topology, applicationId).filter((name) => cleared.includes(name));
  const committed = await committedPositions(port, topology, applicationId);
  const at = new Map(committed.map((each) => [partitionName(each), each.offset]));
  const topics = await port.admin.describeTopics(read);
  return topics.flatMap(({ name: topic, partitionCount }) =>
    Array.from({ length: partitionCount }, (_, partition) => {
      const now = at.get(partitionName({ topic, partition })) ?? 0;
      return { topic, partition, now, then: 0 };
    }),
  );
}

async function clearedTopics({
  port,
  application: { cleared },
}: ReplayOptions): Promise<BegunReplay['cleared']> {
  const topics = await port.admin.describeTopics(cleared);
  const names = topics.map(({ name }) => name);
  // A topic's own settings only: the broker's defaults go on being the broker's.
  const configs = await port.admin.topicConfigs(names, 'own');
  return topics.map(({ name, topicId, partitionCount }) => ({
    ...{ name, topicId, partitionCount, configs: { ...configs.get(name) } },
  }));
}

function timeOf({ clock }: ReplayOptions): string {
  return new Date(clock.nowMs()).toISOString();
}
