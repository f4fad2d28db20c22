/** A release over several partitions: what some of them did is told, whatever became of the others. */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import type { BulkReleaseAnswer, Refusal } from '../../topology/guard/answer.ts';
import { missingError } from '../missing-partitions.ts';
import { missingCodes, type Gathered, type MissingPartition } from '../peers/scatter.ts';
import type { BulkReleased, BulkResult, Undone } from './guard-calls.ts';

/** What a partition did not do, or may have done, does not take away what others did. */
export const bulkMissingCodes: readonly ErrorCode[] = [
  ...missingCodes,
  'QUEUE_FULL',
  'OUTCOME_UNKNOWN',
];

type Answers = Gathered<BulkReleaseAnswer | Refusal>;

/** @throws the first refusal, as the fronts tell it; when nobody answered, why. */
export function bulkReleased({ answers, missing }: Answers): BulkReleased {
  if (answers.length === 0 && missing.length > 0) throw undoneError(missing);
  const results = answers.flatMap((answer) => {
    if (answer.status === 'DONE') return answer.results;
    const message =
      answer.field === undefined ? answer.message : `${answer.field}: ${answer.message}`;
    throw new RollguardError(answer.code, message);
  });
  return { results, missing };
}

/**
 * The same of ids, with a result for each of them, in their order.
 * @param byPartition the ids that each partition was asked for.
 */
export function idsReleased(
  gathered: Answers,
  lockIds: readonly string[],
  byPartition: ReadonlyMap<number, readonly string[]>,
): BulkReleased {
  const { results, missing } = bulkReleased(gathered);
  const byId = new Map<string, BulkResult>(results.map((each) => [each.lockId, each]));
  for (const { partition, error } of missing) {
    const outcome = undoneOf(error);
    for (const lockId of byPartition.get(partition) ?? []) {
      byId.set(lockId, { lockId, outcome, lock: undefined });
    }
  }
  return {
    results: lockIds.map(
      (lockId) => byId.get(lockId) ?? { lockId, outcome: 'NOT_FOUND', lock: undefined },
    ),
    missing,
  };
}

export function undoneOf(error: RollguardError): Undone {
  return isRollguardError(error, 'OUTCOME_UNKNOWN') ? 'UNKNOWN' : 'NOT_DONE';
}

/** Nothing is known to be done. One partition alone says it itself. */
export function undoneError(missing: readonly MissingPartition[]): RollguardError {
  const [only, ...others] = missing;
  if (only !== undefined && others.length === 0) return only.error;
  const isUnknown = missing.some(({ error }) => undoneOf(error) === 'UNKNOWN');
  const remedy = isUnknown ? 'it may be done there' : 'nothing was done; try again shortly';
  return missingError(isUnknown ? 'OUTCOME_UNKNOWN' : 'NOT_READY', missing, remedy);
}
