/**
 * Asks many partitions the same at once and says who answered and who did not. A partition that cannot
 * answer now is missing, and named; an error that says something about the request fails the whole.
 */
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { isRollguardError, type RollguardError } from '../../kernel/errors.ts';

export interface Scatter {
  /** Whose partitions they are. */
  readonly subTopology: string;
  readonly partitions: readonly number[];
  readonly nowMs: number;
  /** Of the whole call; by the same clock. */
  readonly deadlineMs: number;
  /** Errors of a partition that is missing. */
  readonly missingCodes?: readonly ErrorCode[];
}

export interface MissingPartition {
  /** Its task, as `/v1/partitions` names it. */
  readonly task: string;
  readonly partition: number;
  /** Why it did not answer. */
  readonly error: RollguardError;
}

export interface Gathered<Answer> {
  /** Of those that answered, in the order of the partitions. */
  readonly answers: readonly Answer[];
  /** In the same order. */
  readonly missing: readonly MissingPartition[];
}

export const missingCodes: readonly ErrorCode[] = [
  'NOT_READY',
  'KAFKA_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
];

/** What is kept of the deadline to put together, and to send, what the others answered. */
const reserveMaxMs = 500;
const reserveShare = 0.1;

/**
 * @param ask has to settle soon after the deadline that it is given.
 * @throws the first error that is none of a missing partition.
 */
export async function gather<Answer>(
  scatter: Scatter,
  ask: (partition: number, deadlineMs: number) => Promise<Answer>,
): Promise<Gathered<Answer>> {
  const { subTopology, partitions, missingCodes: codes = missingCodes } = scatter;
  const deadlineMs = partitionDeadlineMs(scatter);
  const outcomes = await Promise.all(
    partitions.map(async (partition): Promise<{ answer: Answer } | MissingPartition> => {
      try {
        return { answer: await ask(partition, deadlineMs) };
      } catch (error) {
        if (!isRollguardError(error) || !codes.includes(error.code)) throw error;
        return { task: `${subTopology}_${partition}`, partition, error };
      }
    }),
  );
  return {
    answers: outcomes.flatMap((outcome) => ('answer' in outcome ? [outcome.answer] : [])),
    missing: outcomes.flatMap((outcome) => ('answer' in outcome ? [] : [outcome])),
  };
}

function partitionDeadlineMs({ nowMs, deadlineMs }: Scatter): number {
  const leftMs = Math.max(0, deadlineMs - nowMs);
  return deadlineMs - Math.min(reserveMaxMs, leftMs * reserveShare);
}
