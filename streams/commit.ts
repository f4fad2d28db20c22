/**
 * The ONLY place a task's transaction ends. The order, and what a crash after each step leaves:
 *
 *   1 produce changelog and output records   nothing visible: the transaction is aborted by the next owner
 *   2 add the input offsets, with the        the same
 *     group's member id and generation
 *   3 end the transaction                    everything visible; the local store lags: its tail is
 *                                            replayed from the changelog at the next start
 *   4 the overlay becomes the store's        the store's checkpoint may still be older: the same replay
 *     committed content
 *
 * At-least-once has the same order: what step 1 writes is visible and in the changelog at once, step 2
 * only notes the offsets, and step 3 commits them. A crash before that leaves records that are processed
 * again, on a state that has them already: nothing is lost, some things are written twice.
 *
 * A step that fails throws the port's code; the task then drops its memory and takes ownership anew.
 */
import { isRollguardError } from '../kernel/errors.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { TaskState } from '../stores/task-state.ts';
import { PackedRecords, batchBytesDefault } from './kafka/packed-records.ts';
import type { GroupAssignment, GroupOffsets, PartitionOffset, ProduceBatch } from './kafka/port.ts';
import type { TaskProducer } from './task-producer.ts';

// What a record takes beside its key and value, roughly.
const recordOverheadBytes = 16;

export interface ChangelogPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

export interface CommitRequest {
  readonly producer: TaskProducer;
  readonly outputs: readonly ProduceBatch[];
  /** Absent for a task without stores. */
  readonly state:
    { readonly content: TaskState; readonly changelog: ChangelogPartition } | undefined;
  readonly groupId: string;
  readonly membership: GroupGenerations;
  readonly offsets: readonly PartitionOffset[];
  /** Timestamp of the changelog records. */
  readonly nowMs: number;
  readonly failpoints: Failpoints;
}

/** The generation that a commit names, and the one to name when the group has moved on meanwhile. */
export interface GroupGenerations {
  readonly assignment: GroupAssignment;
  /** Undefined: there is none in which what was ours stayed ours. */
  generationAfter(refused: GroupAssignment): Promise<GroupAssignment | undefined>;
  /** The group has these offsets now. */
  committed(offsets: readonly PartitionOffset[]): void;
}

export async function commitTransaction(request: CommitRequest): Promise<void> {
  const { producer, state, failpoints } = request;
  const changes = state === undefined ? undefined : changelogBatch(state, request.nowMs);
  const batches = changes === undefined ? request.outputs : [...request.outputs, changes];
  failpoints.hit('before-produce');
  const produced = batches.length === 0 ? [] : await producer.produce(batches);
  failpoints.hit('after-produce');
  if (request.offsets.length > 0) {
    await sendOffsets(request);
    failpoints.hit('after-offsets');
  }
  failpoints.hit('before-end');
  await producer.commit();
  request.membership.committed(request.offsets);
  failpoints.hit('after-end');
  if (state === undefined || changes === undefined) return;
  const { topic, topicId, partition } = state.changelog;
  const landed = produced.find((batch) => batch.topic === topic && batch.partition === partition);
  const offset = (landed?.baseOffset ?? 0) + changes.records.length;
  state.content.commit({ topicId, offset });
}

/**
 * A group that gathers does not hold up its members' commits; one that meets the new generation before
 * this instance has heard of it names that, in the same transaction, as soon as it has, if the task is
 * still here in it. If it is not, whoever has it now must not be left with an older state than ours.
 */
async function sendOffsets({
  producer,
  membership,
  groupId,
  offsets,
}: CommitRequest): Promise<void> {
  const current = membership.assignment;
  const of = ({ memberId, generationId, groupInstanceId }: GroupAssignment): GroupOffsets => {
    return { groupId, memberId, generationId, groupInstanceId, offsets };
  };
  try {
    await producer.sendOffsets(of(current));
  } catch (error) {
    if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
    const next = await membership.generationAfter(current);
    if (next === undefined || !hasAll(next, offsets)) throw error;
    await producer.sendOffsets(of(next));
  }
}

function hasAll({ partitions }: GroupAssignment, offsets: readonly PartitionOffset[]): boolean {
  return offsets.every(({ topic, partition }) =>
    partitions.some((given) => given.topic === topic && given.partition === partition),
  );
}

function changelogBatch(
  state: NonNullable<CommitRequest['state']>,
  nowMs: number,
): ProduceBatch | undefined {
  if (state.content.pendingCount === 0) return undefined;
  const { topic, partition } = state.changelog;
  const { pendingBytes, pendingCount } = state.content;
  const likelyBytes = pendingBytes + pendingCount * recordOverheadBytes;
  const records = new PackedRecords(batchBytesDefault, likelyBytes);
  state.content.eachPending((keyName, value) => records.appendNamed(keyName, value, nowMs));
  return { topic, partition, records };
}
