/**
 * A part of the commands once more, by hand: those created in a time, or in a state. It knows no
 * checkpoint and moves none, so it needs no leader; cut off, it is run again from its beginning. Facts
 * merge as a maximum: reading rows again harms nothing.
 */
import type { BackfillParts } from './backfill-options.ts';
import { pump } from './batch-pump.ts';
import { RateLimit } from './rate-limit.ts';
import type { RowFilter, RowPosition, RowQuery } from './read-rows.ts';

/** @returns rows published. */
export async function runFiltered(
  parts: BackfillParts,
  { tenantIds, filter }: { readonly tenantIds: readonly string[]; readonly filter: RowFilter },
): Promise<number> {
  const rate = new RateLimit(parts.limits.rowsPerSecond, parts.clock);
  const query = (after: RowPosition | undefined): RowQuery => ({ kind: 'forward', after, filter });
  let rows = 0;
  for (const tenantId of tenantIds) {
    const pumped = await pump(
      query(undefined),
      { ...parts, rate },
      {
        tenantId,
        batchesMax: Infinity,
        next: ({ last, hasMore }) => (hasMore ? query(last) : undefined),
        acknowledged: () => Promise.resolve(),
      },
    );
    rows += pumped.rows;
  }
  return rows;
}
