/** Decides the calls that wait for a task, one after another, like records. */
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { CallQueue } from './call-queue.ts';
import { isPromise } from './processor.ts';
import type { TaskGraph } from './task-graph.ts';

export interface CallTask {
  readonly name: string;
  readonly calls: CallQueue;
  readonly graph: TaskGraph;
  readonly isTransactionFull: () => boolean;
  /** The open transaction holds something. */
  readonly hasWork: () => boolean;
}

/** Up to `max` calls, fewer when the transaction is full. @throws what fails the task. */
export async function answerCalls(task: CallTask, max: number): Promise<void> {
  const { name, calls, graph } = task;
  const taken = calls.take(max);
  if (taken.length > 0) await graph.loadCalls(taken.map(({ request }) => request));
  for (const [index, call] of taken.entries()) {
    if (task.isTransactionFull()) {
      calls.giveBack(taken.slice(index));
      return;
    }
    try {
      const pending = graph.call(call.request);
      const answer = isPromise(pending) ? await pending : pending;
      // Nothing is written by it or before it: what it saw is committed.
      if (!task.hasWork()) {
        call.resolve(answer);
        continue;
      }
      calls.decided(call, answer);
    } catch (error) {
      const failure = callFailed(name, error);
      call.reject(failure);
      if (failure.row.reaction === 'reject') continue;
      // What it may have written is dropped with the transaction.
      calls.giveBack(taken.slice(index + 1));
      throw failure;
    }
  }
}

function callFailed(task: string, cause: unknown): RollguardError {
  if (isRollguardError(cause)) return cause;
  const message = `${task}: deciding a call failed: ${messageOf(cause)}`;
  return new RollguardError('PROCESSING_FAILED', message, { cause });
}
