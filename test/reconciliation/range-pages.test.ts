import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextIds } from '../../reconciliation/range-pages.ts';

const first = '00000000-0000-0000-0000-000000000000';

describe('the pages of a range', () => {
  test('name every id of every source once, in order, at most so many of each at a time', async () => {
    const ids = fc.uniqueArray(fc.uuid(), { maxLength: 12 });
    const size = fc.integer({ min: 1, max: 5 });
    await fc.assert(
      fc.asyncProperty(ids, ids, size, async (some, others, limit) => {
        const source =
          (all: readonly string[]) =>
          (after: string, upTo: string, most: number): Promise<readonly string[]> =>
            Promise.resolve(
              all
                .filter((id) => id > after && id <= upTo)
                .sort()
                .slice(0, most),
            );
        const found: string[] = [];
        let after: string | undefined = first;
        while (after !== undefined) {
          const page: Awaited<ReturnType<typeof nextIds>> = await nextIds(
            [source(some), source(others)],
            after,
            limit,
          );
          expect(page.ids.length).toBeLessThanOrEqual(2 * limit);
          found.push(...page.ids);
          after = page.next;
        }

        expect(found).toEqual([...new Set([...some, ...others])].sort());
      }),
    );
  });
});
