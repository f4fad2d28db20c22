/**
 * A replay into an application id of its own, beside the one it is compared with, which it only reads: its
 * inputs up to where it stands, and a copy of what it keeps (ticks, closed dates, the backfill's facts;
 * decisions and catalogue). Members of the original may be alive. The side's topics, its events' too, bear
 * its own suffix.
 *
 * Killed before the offsets are noted it begins anew: nobody needs what it has made. After that it goes on.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { deadLetterTopic } from '../../streams/dead-letter.ts';
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
  type ReplayNote,
} from '../../streams/replay-mark.ts';
import { copyPartition } from '../guard/copy-partition.ts';
import {
  allSources,
  partitionsOfTopics,
  topicsOf,
} from '../stopped-application/application-topics.ts';
import { commitAlone } from '../stopped-application/commit-alone.ts';
import { forgetHeldLetters, heldLettersTopic } from './held-letters.ts';
import { knownPartitions } from './known-partitions.ts';
import { checkAlone, waitUntilStopped } from './replay-checks.ts';
import type { ReplayReport } from './replay-offsets.ts';
import { planReplay, type ReplayPlan } from './replay-plan.ts';
import type { Moment, ReplayedApplication, ReplayParts } from './replayed-application.ts';
import { writeNote } from './write-note.ts';

export interface SideReplayOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly original: ReplayedApplication;
  readonly side: ReplayedApplication;
  readonly isExecuted: boolean;
  readonly stateDir: string | undefined;
  readonly random: Random;
}

const transactionTimeoutMs = 60_000;
const askedPrefix = '--into';

/** @throws PRECONDITION_FAILED when the side's id is somebody's own, or the original cannot be derived from nothing. */
export async function sideReplay(options: SideReplayOptions): Promise<ReplayReport> {
  const { port, side, isExecuted } = options;
  const plan = await planSide(options);
  if (!isExecuted) return reportOf('would-replay', plan, options);
  const producer = await port.openProducer({
    transactionalId: replayTopic(side.applicationId).name,
    transactionTimeoutMs,
  });
  try {
    return await replayBeside(plan, producer, options);
  } finally {
    await producer.close();
  }
}

async function replayBeside(
  plan: ReplayPlan,
  producer: TransactionalProducer,
  options: SideReplayOptions,
): Promise<ReplayReport> {
  const { port, original, side, clock, progress } = options;
  const startedMs = clock.monotonicMs();
  const { applicationId } = side;
  await waitUntilStopped(port, applicationId, options);
  await checkOwn(options);
  const mark = await readReplayMark(port, applicationId);
  const open = mark?.completed === undefined && mark?.isReset === true ? mark.begun : undefined;
  const begun = open ?? (await begin(producer, options));
  const { replayId, positions } = begun;
  // Of the topics of its own the side has what it is to read, at offsets of its own.
  const shared = positions.filter(({ topic }) => !topic.startsWith(`${applicationId}-`));
  const bounds = new Map(shared.map((each) => [partitionName(each), each.now]));
  const { emitted, notes } = await side.run({ ...options, replayId, isFull: true, bounds });
  progress('replay: hashing the state of both');
  const after = await side.hashes(options);
  const before = original.moment === undefined ? await original.hashes(options) : begun.hashes;
  await forgetHeldLetters(port, applicationId);
  const at = new Date(clock.nowMs()).toISOString();
  const completed: ReplayNote = {
    ...{ kind: 'completed', replayId, at, hashes: [...after], emitted },
  };
  await writeNote(completed, producer, { applicationId, clock });
  const compared = planAsBegun(plan, begun, options);
  const moved = await offsetsReadSince(begun, options);
  return {
    ...reportOf('replayed', compared, options),
    ...{ replayId, emitted, before, after, spentMs: clock.monotonicMs() - startedMs },
    notes: [comparedWith(begun, compared, options), ...notes, ...movedNote(moved, options)],
  };
}

function comparedWith(
  { at }: BegunReplay,
  { partitions }: ReplayPlan,
  { original: { applicationId, moment } }: SideReplayOptions,
): string {
  if (moment === undefined) return `compared with ${applicationId}: "before" is its state`;
  const read = partitions.filter(({ now }) => now > 0);
  const stands = read.map((each) => `${partitionName(each)} at ${each.now}`).join(', ');
  return `"before" is ${applicationId} as it was at ${at}: ${stands}`;
}

function movedNote(moved: number, { original }: SideReplayOptions): readonly string[] {
  if (moved === 0) return [];
  const { applicationId, moment } = original;
  return moment === undefined
    ? [`${applicationId} has read ${moved} offsets more meanwhile: compare again when it is quiet`]
    : [`${applicationId} has gone on by ${moved} offsets since, which are not compared`];
}

/** Nothing of the side's id may be there that no replay made. */
async function checkOwn({ port, side }: SideReplayOptions): Promise<void> {
  const mark = await readReplayMark(port, side.applicationId);
  if (mark?.begun.asked.startsWith(askedPrefix) === true) return;
  const names = topicsOf(side.topology, side.applicationId);
  const [topic] = await port.admin.describeTopics([...names, ...eventsOf(side)]);
  if (topic === undefined && mark === undefined) return;
  const what = topic?.name ?? replayTopic(side.applicationId).name;
  throw refused(
    `${side.applicationId} has a life of its own (${what}), which no replay made and none will overwrite: ` +
      'name another suffix with --into',
  );
}

/** @param moment undefined: as the original is now; what is under way may move it. */
async function planSide(options: SideReplayOptions, moment?: Moment): Promise<ReplayPlan> {
  const { original, side } = options;
  const target = { kind: 'earliest' } as const;
  const { inputs, keptLogs, unread = [] } = original;
  const { cleared, outputTopic, emits = `to ${outputTopic} every entry once` } = side;
  const found = await knownPartitions({ ...options, application: original, target }, [
    ...inputs,
    ...keptLogs,
  ]);
  const known = found.map((each) => {
    const now = unread.includes(each.topic) ? each.latest : each.committed;
    return {
      ...each,
      committed: moment === undefined ? now : moment.positions.get(partitionName(each)),
    };
  });
  const plan = planReplay({
    ...{ target, topics: [], partitions: [], cleared, outputTopic, emits },
    inputs: known.filter(({ topic }) => inputs.includes(topic)),
    keptLogs: known.filter(({ topic }) => keptLogs.includes(topic)),
  });
  if (plan.isFull) return plan;
  throw refused(`${side.applicationId} would begin from nothing, which cannot be: ${plan.why}`);
}

/** With the positions that the side is derived up to, whenever it was begun. */
function planAsBegun(plan: ReplayPlan, begun: BegunReplay, options: SideReplayOptions): ReplayPlan {
  const positions = new Map(begun.positions.map((each) => [partitionName(each), each.now]));
  const partitions = plan.partitions.map((each) => {
    const name = partitionName({ ...each, topic: ofSide(each.topic, options) });
    const now = positions.get(name) ?? each.now;
    return { ...each, now, again: Math.max(0, now - each.then) };
  });
  return { ...plan, partitions, again: partitions.reduce((sum, { again }) => sum + again, 0) };
}

async function begin(
  producer: TransactionalProducer,
  options: SideReplayOptions,
): Promise<BegunReplay> {
  const { port, original, side, clock, random, progress } = options;
  const { applicationId } = side;
  await original.check?.(options);
  const moment = await original.moment?.(options);
  const plan = await planSide(options, moment);
  const begun: BegunReplay = {
    ...{ kind: 'begun', replayId: random.uuid(), at: new Date(clock.nowMs()).toISOString() },
    asked: `${askedPrefix} ${applicationId.slice(original.applicationId.length)}`,
    ...{ isFull: true, cleared: [], hashes: [...(moment?.hashes ?? [])] },
    positions: plan.partitions.map(({ topic, partition, now }) => ({
      ...{ topic: ofSide(topic, options), partition, now, then: 0 },
    })),
  };
  await port.admin.createTopics([replayTopic(applicationId)]);
  await writeNote(begun, producer, { applicationId, clock });
  await deleteSide(options);
  progress(`replay: copying what ${original.applicationId} keeps`);
  await makeTopics(options);
  for (const { topic, partition, now } of plan.partitions) {
    const to = ofSide(topic, options);
    if (to === topic) continue;
    const range = { topic, partition, from: 0, to: now };
    await copyPartition({ ...options, producer, range, to, rewrite: same, positions: undefined });
  }
  const reset: ReplayNote = { kind: 'reset', replayId: begun.replayId };
  await commitAlone({
    ...{ port, producer, groupId: applicationId },
    offsets: await beginnings(begun, options),
    note: replayNoteBatch(applicationId, reset, clock.nowMs()),
    checkAlone: (members) => checkAlone(applicationId, members),
  });
  return begun;
}

/** Of everything that the side reads: an earlier replay has left offsets of topics that are gone. */
async function beginnings(
  { positions }: BegunReplay,
  options: SideReplayOptions,
): Promise<readonly PartitionOffset[]> {
  const { port } = options;
  const inside = (await partitionsOfTopics(port, betweenTasks(options))).map(
    ({ topic, partition }) => ({ topic: ofSide(topic, options), partition }),
  );
  return [...positions, ...inside].map(({ topic, partition }) => ({ topic, partition, offset: 0 }));
}

/** The original's topics that tasks hand records to each other by, and that a full replay clears. */
function betweenTasks({ original, side }: SideReplayOptions): readonly string[] {
  const sources = allSources(side.topology, side.applicationId);
  const between = side.cleared.filter((name) => sources.includes(name));
  const shift = side.applicationId.length;
  return between.map((name) => `${original.applicationId}${name.slice(shift)}`);
}

async function deleteSide({ port, side }: SideReplayOptions): Promise<void> {
  const { topology, applicationId } = side;
  const letters = [heldLettersTopic(applicationId), deadLetterTopic({ applicationId })];
  const names = [...topicsOf(topology, applicationId), ...eventsOf(side), ...letters];
  const there = await port.admin.describeTopics(names);
  await port.admin.deleteTopics(there.map(({ name }) => name));
}

/** With the partitions and settings of the original's. A broker takes no offsets of a topic that is not there. */
async function makeTopics(options: SideReplayOptions): Promise<void> {
  const { port, original, side } = options;
  const kept = [...original.inputs, ...original.keptLogs].filter(
    (name) => ofSide(name, options) !== name,
  );
  const own = [...kept, ...betweenTasks(options)];
  const originals = await port.admin.describeTopics([...own, ...eventsOf(original)]);
  const names = originals.map(({ name }) => name);
  const configs = await port.admin.topicConfigs(names, 'own');
  await port.admin.createTopics(
    originals.map(({ name, partitionCount }) => ({
      name: name === original.outputTopic ? side.outputTopic : ofSide(name, options),
      ...{ partitionCount, configs: configs.get(name) ?? {} },
    })),
  );
}

/** The topic of its events; none when it tells nothing. */
function eventsOf({ topology, outputTopic }: ReplayedApplication): readonly string[] {
  const sinks = topology.subTopologies.flatMap((each) => each.sinks);
  return sinks.some(({ topic }) => topic === outputTopic) ? [outputTopic] : [];
}

/** Topics from outside are the same ones for both. */
function ofSide(topic: string, { original, side }: SideReplayOptions): string {
  const prefix = `${original.applicationId}-`;
  return topic.startsWith(prefix) &&
    original.topology.internalTopics.has(topic.slice(prefix.length))
    ? `${side.applicationId}-${topic.slice(prefix.length)}`
    : topic;
}

async function offsetsReadSince(
  { positions }: BegunReplay,
  options: SideReplayOptions,
): Promise<number> {
  const plan = await planSide(options);
  const then = new Map(positions.map((each) => [partitionName(each), each.now]));
  return plan.partitions.reduce((sum, { topic, partition, now }) => {
    const name = partitionName({ topic: ofSide(topic, options), partition });
    return sum + Math.max(0, now - (then.get(name) ?? now));
  }, 0);
}

function reportOf(
  outcome: ReplayReport['outcome'],
  plan: ReplayPlan,
  { side }: SideReplayOptions,
): ReplayReport {
  return {
    ...{ outcome, applicationId: side.applicationId, replayId: undefined, plan },
    ...{ emitted: 0, notes: [], before: [], after: [], spentMs: 0 },
  };
}

function same(value: Buffer): Buffer {
  return value;
}

function refused(why: string): RollguardError {
  return new RollguardError('PRECONDITION_FAILED', why);
}
