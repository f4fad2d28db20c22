/**
 * One pass over all tenants, in turns of a bounded number of batches, so that a large tenant keeps no
 * other waiting. A tenant whose turn fails is told of, counted and left for the next pass; the others go
 * on. What concerns all of them (a database or Kafka away, another leader) ends the pass.
 */
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { ErrorCode } from '../kernel/error-codes.ts';
import type { BackfillParts } from './backfill-options.ts';
import type { Leadership } from './leader-lock.ts';
import { RateLimit } from './rate-limit.ts';
import { takeTurn } from './tenant-pass.ts';

export interface PassOptions {
  readonly leadership: Leadership;
  readonly tenantIds: readonly string[];
  /** See `TurnOptions`. */
  readonly sweepDueMs: number | undefined;
}

export interface PassResult {
  readonly rows: number;
  readonly failures: readonly { readonly tenantId: string; readonly error: unknown }[];
}

const batchesPerTurn = 20;
const ofEverybody: readonly ErrorCode[] = [
  ...(['DATABASE_UNAVAILABLE', 'KAFKA_UNAVAILABLE', 'KAFKA_TIMEOUT', 'KAFKA_FATAL'] as const),
  ...(['TOPIC_MISSING', 'CONFIG_INVALID', 'PRECONDITION_FAILED', 'UNSUPPORTED'] as const),
];

/** @throws what ends the pass for all tenants. */
export async function runPass(
  parts: BackfillParts,
  { leadership, tenantIds, sweepDueMs }: PassOptions,
): Promise<PassResult> {
  const { limits, clock, signal, logger, metrics, known } = parts;
  const rate = new RateLimit(limits.rowsPerSecond, clock);
  const failures: { tenantId: string; error: unknown }[] = [];
  let waiting = [...tenantIds];
  let rows = 0;
  const isStopped = (): boolean => signal.aborted;
  while (waiting.length > 0 && !isStopped()) {
    const unfinished: string[] = [];
    for (const tenantId of waiting) {
      if (isStopped()) break;
      leadership.check();
      try {
        const turn = await takeTurn(
          { ...parts, rate },
          { tenantId, database: leadership.database, sweepDueMs, batchesMax: batchesPerTurn },
        );
        rows += turn.rows;
        if (!turn.isDone) unfinished.push(tenantId);
      } catch (error) {
        metrics.errors.add();
        known.clear();
        if (isRollguardError(error) && ofEverybody.includes(error.code)) throw error;
        logger.warn('the backfill of a tenant failed; it is tried again in the next pass', {
          ...{ tenantId, error },
        });
        failures.push({ tenantId, error });
      }
    }
    waiting = unfinished;
  }
  return { rows, failures };
}

/** For whoever runs a pass by hand. @throws PROCESSING_FAILED naming the tenants. */
export function assertNoFailures({ failures }: PassResult): void {
  const [first] = failures;
  if (first === undefined) return;
  const names = failures.map(({ tenantId }) => tenantId).join(', ');
  const message = `the backfill of ${failures.length} tenants failed (${names}): ${messageOf(first.error)}`;
  throw new RollguardError('PROCESSING_FAILED', message, { cause: first.error });
}
