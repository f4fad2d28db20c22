/**
 * Reads batch after batch and publishes each, in order: while one is on its way to Kafka, the next is
 * read. Whatever `acknowledged` does with a batch happens after Kafka has it, and before the batch after
 * it is published.
 */
import type { BackfillParts } from './backfill-options.ts';
import type { RateLimit } from './rate-limit.ts';
import { readRows, type ReadBatch, type RowQuery } from './read-rows.ts';

/** Shared by all batches of a pass. */
export type PumpParts = BackfillParts & { readonly rate: RateLimit };

export interface PumpOptions {
  readonly tenantId: string;
  /** The query after a batch; undefined: that was the last. */
  readonly next: (batch: ReadBatch) => RowQuery | undefined;
  readonly acknowledged: (batch: ReadBatch) => Promise<void>;
  /** Batches at most; the rest is left for the next time. */
  readonly batchesMax: number;
}

export interface Pumped {
  readonly rows: number;
  /** False: more batches were left than it took. */
  readonly isDone: boolean;
}

/** @throws what reading, publishing and `acknowledged` throw; batches that were acknowledged stay so. */
export async function pump(
  first: RowQuery,
  parts: PumpParts,
  { tenantId, next, acknowledged, batchesMax }: PumpOptions,
): Promise<Pumped> {
  const { platform, limits, rate, known, epoch, signal } = parts;
  let query: RowQuery | undefined = first;
  let publishing: Promise<void> = Promise.resolve();
  let rows = 0;
  try {
    for (let batches = 0; query !== undefined; batches += 1) {
      if (batches === batchesMax || signal.aborted) break;
      const beganMs = parts.clock.monotonicMs();
      const batch: ReadBatch = await readRows(platform, query, {
        ...{ tenantId, batchRows: limits.batchRows, known, epoch },
      });
      rows += batch.rowCount;
      query = next(batch);
      await publishing;
      publishing = publish(batch, beganMs, parts).then(() => acknowledged(batch));
      // It is waited for above, or below; until then nobody may find it unhandled.
      publishing.catch(() => undefined);
      await rate.take(batch.rowCount, signal);
    }
  } finally {
    await publishing;
  }
  return { rows, isDone: query === undefined };
}

async function publish(
  { facts, rowCount }: ReadBatch,
  beganMs: number,
  { publisher, metrics, clock }: BackfillParts,
): Promise<void> {
  if (rowCount === 0) return;
  await publisher.publish(facts);
  metrics.batches.add();
  metrics.rows.add(rowCount, { result: 'read' });
  if (facts.refused.length > 0) metrics.rows.add(facts.refused.length, { result: 'refused' });
  metrics.batchSeconds.observe((clock.monotonicMs() - beganMs) / 1_000);
}
