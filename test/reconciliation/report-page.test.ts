import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DriftRow } from '../../reconciliation/drift.ts';
import {
  DriftTally,
  type ReconciliationReport,
} from '../../reconciliation/reconciliation-report.ts';
import { openBrowser } from '../support/browser.ts';
import { amountText, escaped, reportPage } from '../../reconciliation/report-page.ts';

const counts = {
  ...{ tenants: 1, reservations: 3, entries: 7, holds: 2, charged: 0 },
  ...{ unsettled: 0, unreadableRows: 0 },
};
const none = { status: 'compared' } as const;

function rowWith(text: string): DriftRow {
  return {
    ...{ side: 'ledger', reason: 'amount_differs', tenantId: text, reservationId: text },
    ...{ propertyId: text, key: text, what: text, sinceMs: null },
    amounts: [{ currency: 'EUR', minor: -1_050 }],
    differences: [{ field: `table.${text}`, expected: text, actual: { [text]: text } }],
  };
}

function report(
  rows: readonly DriftRow[],
  more: Partial<ReconciliationReport> = {},
): ReconciliationReport {
  const tally = new DriftTally(1_000);
  for (const row of rows) tally.add(row);
  return {
    ...{ runId: 'run', trigger: 'command', status: rows.length > 0 ? 'drift' : 'clean' },
    ...{ startedAt: '2026-05-01T00:00:00.000Z', finishedAt: '2026-05-01T00:00:02.500Z' },
    scope: { tenantIds: null, propertyId: null, from: null, to: null },
    sides: { ledger: none, state: { status: 'left_out' }, locks: none, payments: none },
    summary: tally.summary(counts, 0),
    ...{ drift: tally.rows, problem: null, ...more },
  };
}

/** The tags of a page; what a value could add to it would be among them. */
const tagsOf = (page: string): readonly string[] => page.match(/<[^>]*>/g) ?? [];

describe('the page of a report', () => {
  test('has the same tags whatever a value says', () => {
    const tags = tagsOf(reportPage(report([rowWith('plain')])));
    const nasty = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<script>alert(1)</script>', '" onload="x', "'><img src=x>", '&lt;', ']]>'),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        expect(tagsOf(reportPage(report([rowWith(text)])))).toEqual(tags);
      }),
    );
  });

  test('names nothing outside itself and runs nothing', () => {
    const page = reportPage(report([rowWith('x')]));

    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|@import|https?:/i);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('name="viewport"');
  });

  test('gives back an escaped text unchanged to whoever reads it as HTML', () => {
    expect(escaped(`<a href="x">'&'</a>`)).toBe(
      '&#60;a href=&#34;x&#34;&#62;&#39;&#38;&#39;&#60;/a&#62;',
    );
    expect(escaped('a\u0000b')).toBe('a\ufffdb');
  });

  test('says what differs, by how much, and that nothing does', () => {
    const page = reportPage(report([rowWith('a'), rowWith('b')]));

    expect(page).toContain('Something differs');
    expect(page).toContain('2 rows differ');
    expect(page).toContain('−10.50 EUR');
    expect(page).toContain('−21.00 EUR');
    expect(page).toContain('Entries with another amount or currency: 2');
    expect(reportPage(report([]))).toContain('Nothing differs');
    const problem = 'it is late';
    expect(reportPage(report([], { status: 'behind', problem }))).toContain(problem);
  });

  test('writes amounts with the decimals that their currency has', () => {
    expect(amountText({ currency: 'JPY', minor: 1_050 })).toBe('1050 JPY');
    expect(amountText({ currency: 'BHD', minor: -5 })).toBe('−0.005 BHD');
    expect(amountText({ currency: 'EUR', minor: 7 })).toBe('0.07 EUR');
  });
});

// A test that does not run must not look like one that passed: it is not registered at all.
const browser = await openBrowser();

afterAll(async () => {
  await browser?.close();
});

if (browser !== undefined) {
  describe('the page of a report in Chromium', () => {
    const ids = '5e000000-0000-4000-8000-000000000001';
    const shown = report([rowWith(ids), rowWith('<script>document.title = "changed"</script>')]);

    test.each([320, 390, 768, 1_280])(
      'fits into %d pixels, with nothing cut off',
      async (width) => {
        const page = await browser.newPage();
        await page.setViewport({ width, height: 800 });
        await page.setContent(reportPage(shown));
        const widest = await page.evaluate('document.documentElement.scrollWidth');
        await page.close();

        expect(widest).toBe(width);
      },
    );

    test('names each value where rows have become lists, and leaves out what is empty', async () => {
      const page = await browser.newPage();
      await page.setViewport({ width: 390, height: 800 });
      await page.setContent(reportPage(shown));
      const texts = await page.evaluate(
        `[...document.querySelectorAll('td')].filter((cell) => cell.offsetHeight > 0).map((cell) =>
          getComputedStyle(cell, '::before').content + cell.innerText)`,
      );
      await page.close();

      expect(texts).toContain('"Money: "−10.50 EUR');
      expect(texts).not.toContain('"Money: "');
    });

    test('runs and loads nothing, whatever a value says', async () => {
      const page = await browser.newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.setContent(reportPage(shown));
      const title = await page.title();
      await page.close();

      expect(title).toBe('Reconciliation: Something differs');
      expect(asked.filter((url) => url !== 'about:blank')).toEqual([]);
    });
  });
}
