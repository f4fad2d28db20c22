/**
 * Partitions that did not answer what all of them were asked: how answers and problems tell of them, and
 * the refusal that names each.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type { MissingPartition } from './peers/scatter.ts';

export const missingPartitionShape = z.object({
  task: z.string().describe('as /v1/partitions names it'),
  partition: z.int(),
  reason: z.string().describe('the code of its error, and what it says'),
});
type MissingPartitionBody = z.output<typeof missingPartitionShape>;

export const missingPartitionExample: MissingPartitionBody = {
  ...{ task: 'guard_2', partition: 2 },
  reason: 'NOT_READY: guard_2 is not served by 10.0.0.7:4400 now; try again shortly',
};

const partialRemedy =
  'try again shortly, or take what the others have with partial=true (gRPC: allow_partial)';

export const missingWhenPartial = z
  .array(missingPartitionShape)
  .optional()
  .describe('with partial=true: the partitions that did not answer; empty when all did');

/**
 * What an answer that may be partial says of them; nothing of one that may not.
 * @throws NOT_READY naming the missing when it may not be.
 */
export function missingToldOf(
  missing: readonly MissingPartition[],
  isPartial: boolean,
): { readonly missingPartitions?: MissingPartitionBody[] } {
  if (isPartial) return { missingPartitions: missing.map(missingPartitionBodyOf) };
  if (missing.length === 0) return {};
  throw missingError('NOT_READY', missing, partialRemedy);
}

export function missingPartitionBodyOf({
  task,
  partition,
  error,
}: MissingPartition): MissingPartitionBody {
  return { task, partition, reason: `${error.code}: ${error.message}` };
}

/** An error whose message and problem name them all. */
export function missingError(
  code: 'NOT_READY' | 'OUTCOME_UNKNOWN',
  missing: readonly MissingPartition[],
  remedy: string,
): RollguardError {
  const message = `no answer from ${missing.map(({ task }) => task).join(', ')}; ${remedy}`;
  const context = { missingPartitions: missing.map(missingPartitionBodyOf) };
  return new RollguardError(code, message, { context, cause: missing[0]?.error });
}

/** The partitions that an error of ours says are missing. */
export function missingPartitionsOf({
  context,
}: RollguardError): readonly MissingPartitionBody[] | undefined {
  return context['missingPartitions'] as readonly MissingPartitionBody[] | undefined;
}
