/** What is on its way is no drift: looks at reservations that differ once, always, or each time otherwise. */
import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../kernel/clock.ts';
import type { Platform, PlatformTables } from '../../reconciliation/platform-rows.ts';
import { reconcile, type Pipeline } from '../../reconciliation/reconcile.ts';
import { replaySide, unreadSide } from '../../reconciliation/replay-side.ts';
import { fieldsOfRow } from '../../topology/roll/entry-fields.ts';
import { noFacts } from '../../topology/roll/facts.ts';

const tenantId = '7e000000-0000-4000-8000-000000000001';
const graceMs = 1_000;

/** Time passes only where somebody sleeps. */
class SleepingClock implements Clock {
  atMs = 1_000_000;
  nowMs(): number {
    return this.atMs;
  }
  monotonicMs(): number {
    return this.atMs;
  }
  sleep(ms: number): Promise<void> {
    this.atMs += ms;
    return Promise.resolve();
  }
}

const idOf = (index: number): string =>
  `5e000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

/**
 * Reservations that nothing follows from; what the table has of each at a time is extra.
 * @param storedAt the amounts that a reservation's entries have, by time since the beginning.
 */
async function run(
  reservations: number,
  storedAt: (index: number, sinceMs: number) => readonly number[],
  more: { readonly pipeline?: Pipeline; readonly pageSize?: number } = {},
) {
  const clock = new SleepingClock();
  const beganMs = clock.nowMs();
  const ids = Array.from({ length: reservations }, (_, index) => idOf(index));
  const tables: PlatformTables = {
    query: (text, values) => {
      if (/count\(\*\)/.test(text)) return Promise.resolve([{ count: ids.length }]);
      if (/transaction_timestamp/.test(text)) return Promise.resolve([{ at: clock.nowMs() }]);
      if (!/FROM reservations r/.test(text)) return Promise.resolve([]);
      const [after, upTo, limit] = values.slice(-3) as [string, string, number];
      const found = ids.filter((id) => id > after && id <= upTo).slice(0, limit);
      return Promise.resolve(found.map((id) => ({ id })));
    },
    reservations: (asked) =>
      Promise.resolve(
        asked.map((reservationId) => ({
          ...{ reservationId, isFound: true, lifecycleEvents: 0, commands: [] },
          ...{ propertyId: undefined, property: undefined, problems: [], isUsable: true },
          facts: noFacts(tenantId, reservationId),
        })),
      ),
  };
  const platform: Platform = {
    tenantsOf: () => Promise.resolve([]),
    snapshot: (_tenant, work) => work(tables),
    close: () => Promise.resolve(),
  };
  const table = replaySide(({ ledgers }) =>
    Promise.resolve(
      new Map(
        [...ledgers.keys()].map((id) => [
          id,
          storedAt(ids.indexOf(id), clock.nowMs() - beganMs).map((minor) =>
            fieldsOfRow({ lifecycle_event_id: `${id}-${minor}`, amount_minor: String(minor) }),
          ),
        ]),
      ),
    ),
  );
  const query = (): Promise<readonly []> => Promise.resolve([]);
  const result = await reconcile({
    ...{ platform, query, hasLocks: false, hasPayments: false, heldAfterMs: () => 0 },
    sources: {
      ...{ table, state: unreadSide({ status: 'left_out' }) },
      ...{ lastClosedDate: undefined, serviceProperty: undefined },
    },
    own: { query, hasLedger: true, hasHolds: false },
    ...{ tenantIds: [tenantId], range: {}, pageSize: more.pageSize ?? 2, graceMs },
    ...{ behindAfterMs: 10_000, pipeline: more.pipeline, rowsKeptMax: 3, clock },
    ...{ signal: new AbortController().signal, progress: () => undefined },
  });
  return { ...result, tookMs: clock.nowMs() - beganMs };
}

describe('a reconciliation', () => {
  test('looks at every reservation, page by page, and finds nothing where nothing differs', async () => {
    const { summary, drift } = await run(7, () => []);

    expect(drift).toEqual([]);
    expect(summary).toMatchObject({ reservations: 7, drift: 0, unsettled: 0 });
  });

  test('does not tell what was only on its way', async () => {
    const { summary } = await run(3, (_index, sinceMs) => (sinceMs < graceMs ? [1] : []));

    expect(summary).toMatchObject({ drift: 0, unsettled: 0 });
  });

  test('tells what differs in the same way at two looks, all of it counted, the first rows kept', async () => {
    const { summary, drift } = await run(5, (index) => (index === 2 ? [] : [1]));

    expect(summary).toMatchObject({
      drift: 4,
      sides: { ledger: { drift: 4, reasons: { extra: 4 } } },
    });
    expect(drift.map(({ reservationId }) => reservationId)).toEqual([0, 1, 3].map(idOf));
  });

  test('counts what changes at every look as unsettled, not as drift', async () => {
    const { summary, tookMs } = await run(1, (_index, sinceMs) => [sinceMs]);

    expect(summary).toMatchObject({ drift: 0, unsettled: 1 });
    expect(tookMs).toBe(4 * graceMs);
  });

  test('waits for the pipeline to pass the first look', async () => {
    let asked = 0;
    const pipeline = { hasPassed: () => Promise.resolve((asked += 1) > 8) };
    const stored = (_index: number, sinceMs: number) => (sinceMs < 4_000 ? [1] : []);

    expect((await run(1, stored)).summary.drift).toBe(1);
    expect(await run(1, stored, { pipeline })).toMatchObject({
      ...{ isBehind: false, summary: { drift: 0, unsettled: 0 } },
    });
  });

  test('is behind, and tells no drift, when the pipeline does not pass in time', async () => {
    const pipeline = { hasPassed: () => Promise.resolve(false) };
    const { isBehind, summary, tookMs } = await run(1, () => [1], { pipeline });

    expect(isBehind).toBe(true);
    expect(summary).toMatchObject({ drift: 0, unsettled: 1 });
    expect(tookMs).toBeLessThan(12_000);
  });
});
