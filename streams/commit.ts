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
import type { Failpoints } from '../kernel/failpoints.ts';
import type { TaskState } from '../stores/task-state.ts';
import { PackedRecords, batchBytesDefault } from './kafka/packed-records.ts';
import type { GroupAssignment, PartitionOffset, ProduceBatch } from './kafka/port.ts';
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
  readonly membership: GroupAssignment;
  readonly offsets: readonly PartitionOffset[];
  /** Timestamp of the changelog records. */
  readonly nowMs: number;
  readonly failpoints: Failpoints;
}

export async function commitTransaction(request: CommitRequest): Promise<void> {
  const { producer, state, membership, failpoints } = request;
  const changes = state === undefined ? undefined : changelogBatch(state, request.nowMs);
  const batches = changes === undefined ? request.outputs : [...request.outputs, changes];
  failpoints.hit('before-produce');
  const produced = batches.length === 0 ? [] : await producer.produce(batches);
  failpoints.hit('after-produce');
  if (request.offsets.length > 0) {
    await producer.sendOffsets({
      groupId: request.groupId,
      memberId: membership.memberId,
      generationId: membership.generationId,
      offsets: request.offsets,
    });
    failpoints.hit('after-offsets');
  }
  failpoints.hit('before-end');
  await producer.commit();
  failpoints.hit('after-end');
  if (state === undefined || changes === undefined) return;
  const { topic, topicId, partition } = state.changelog;
  const landed = produced.find((batch) => batch.topic === topic && batch.partition === partition);
  const offset = (landed?.baseOffset ?? 0) + changes.records.length;
  state.content.commit({ topicId, offset });
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
