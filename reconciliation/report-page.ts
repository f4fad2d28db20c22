/**
 * A reconciliation's report as one page that a person reads: no script, nothing from elsewhere, every
 * value escaped. On a narrow screen each row of a table becomes a list of named values.
 */
import type { Amount, DriftRow, FieldDifference } from './drift.ts';
import { driftSides } from './drift.ts';
import type { ComparedSide, ReconciliationReport } from './reconciliation-report.ts';
import { minorDigitsOf } from '../topology/roll/money.ts';

/** More rows of one reason are in the JSON only. */
const rowsShownMax = 200;

const titles: Readonly<Record<string, string>> = {
  clean: 'Nothing differs',
  drift: 'Something differs',
  behind: 'It does not catch up',
  failed: 'It could not be compared',
};

const reasonTexts: Readonly<Record<string, string>> = {
  missing: 'Entries that follow from the rows and are not stored',
  extra: 'Entries that nothing on the platform has led to',
  not_voided: 'Entries that do not follow from the rows any more',
  amount_differs: 'Entries with another amount or currency',
  field_differs: 'Entries with another value that is no money',
  missing_hold: 'Reservations that nothing is held for',
  extra_hold: 'Holds that have to be released',
  other_stay: 'Holds for other nights',
  other_room: 'Holds on another room',
  other_type: 'Holds on another room type',
  not_confirmed: 'Holds that are not confirmed, though sold',
  charged_differs: 'Guests charged something else than was earned',
};

const sideTexts: Readonly<Record<string, string>> = {
  ledger: 'Ledger entries (table)',
  state: "Ledger entries (the service's state)",
  locks: 'Holds',
  payments: 'Payments',
};

// Where both are light or dark the browser chooses: colours are the system's.
const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.verdict { border-left: .4rem solid; padding: .25rem .75rem; margin: 1rem 0; }
.clean { border-color: #2e7d32; } .drift, .failed { border-color: #c62828; } .behind { border-color: #ef6c00; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #8884; }
td { overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.id { font-family: ui-monospace, monospace; font-size: .85rem; }
.quiet { opacity: .75; }
@media (max-width: 48rem) {
  table.wide, table.wide tbody, table.wide tr, table.wide td { display: block; }
  table.wide thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.wide tr { border-bottom: 2px solid #8888; padding: .5rem 0; }
  table.wide td { border: 0; padding: .1rem 0; text-align: left; }
  table.wide td:empty { display: none; }
  table.wide td::before { content: attr(data-name) ": "; font-weight: 600; }
}`;

/** HTML, complete. */
export function reportPage(report: ReconciliationReport): string {
  const { status, startedAt, finishedAt, problem, summary } = report;
  const title = `Reconciliation: ${titles[status] ?? status}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="quiet">${escaped(timeText(startedAt, finishedAt))}, ${escaped(scopeText(report))}</p>
<p class="verdict ${escaped(status)}">${escaped(verdictText(report))}</p>
${problem === null ? '' : `<p>${escaped(problem)}</p>\n`}${summaryTable(report)}
${driftSides.map((side) => sideTables(report, side)).join('')}${
    summary.drift > report.drift.length
      ? `<p>Of ${summary.drift} rows that differ the first ${report.drift.length} are kept.</p>\n`
      : ''
  }<p class="quiet">Run <span class="id">${escaped(report.runId)}</span>, by ${escaped(report.trigger)}.
How to read it: docs/guides/reconciliation.md.</p>
</main>
</body>
</html>
`;
}

/** For a browser, which shows it as text. */
export function escaped(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (character) =>
    character < ' ' || character === '\u007f' ? '\ufffd' : `&#${character.charCodeAt(0)};`,
  );
}

/** `12.50 EUR`, with the decimals that the currency has. */
export function amountText({ currency, minor }: Amount): string {
  const digits = minorDigitsOf(currency);
  const all = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = all.slice(0, all.length - digits);
  const fraction = digits === 0 ? '' : `.${all.slice(all.length - digits)}`;
  return `${minor < 0 ? '−' : ''}${whole}${fraction} ${currency}`;
}

function summaryTable({ summary, sides }: ReconciliationReport): string {
  const of: Readonly<Record<string, number>> = {
    ledger: summary.entries,
    locks: summary.holds,
    payments: summary.charged,
  };
  const rows = [...driftSides, 'state' as const].map((side) => {
    const found = side === 'state' ? undefined : summary.sides[side];
    return `<tr>${cell('What', sideTexts[side] ?? side)}${cell('Compared', sideText(sides[side]))}${cell(
      'Looked at',
      sides[side].status === 'compared' && side !== 'state' ? String(of[side]) : '',
      'number',
    )}${cell('Differ', found === undefined ? '' : String(found.drift), 'number')}${cell(
      'Money',
      found === undefined ? '' : amountsText(found.amounts),
      'number',
    )}</tr>`;
  });
  const { reservations, tenants, unsettled, unreadableRows } = summary;
  const notes = [
    `${reservations} reservations of ${tenants} tenants`,
    ...(unsettled > 0 ? [`${unsettled} were changing at every look`] : []),
    ...(unreadableRows > 0 ? [`${unreadableRows} rows of the platform cannot be read`] : []),
  ];
  return `<h2>Summary</h2>
${table(['What', 'Compared', 'Looked at', 'Differ', 'Money'], rows)}
<p>${escaped(notes.join('; '))}. Money is what follows from the rows less what is stored.</p>
`;
}

function sideTables(report: ReconciliationReport, side: DriftRow['side']): string {
  const { reasons } = report.summary.sides[side];
  return Object.entries(reasons)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([reason, count]) => {
      const rows = report.drift.filter((row) => row.side === side && row.reason === reason);
      const shown = rows.slice(0, rowsShownMax);
      const more =
        count > shown.length ? `<p>${count - shown.length} more are not shown here.</p>\n` : '';
      return `<h2 id="${escaped(reason)}">${escaped(reasonTexts[reason] ?? reason)}: ${count}</h2>
${table(['What', 'Reservation', 'Property', 'Id', 'Money', 'Differs in'], shown.map(driftRow))}
${more}`;
    })
    .join('');
}

function driftRow(row: DriftRow): string {
  const { what, reservationId, propertyId, key, amounts, differences } = row;
  return `<tr>${cell('What', what)}${cell('Reservation', reservationId, 'id')}${cell(
    'Property',
    propertyId ?? '',
    'id',
  )}${cell('Id', key ?? '', 'id')}${cell('Money', amountsText(amounts), 'number')}${cell(
    'Differs in',
    differences.map(differenceText).join('; '),
  )}</tr>`;
}

const numberHeads = new Set(['Looked at', 'Differ', 'Money']);

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads
    .map((name) => {
      const kind = numberHeads.has(name) ? ' class="number"' : '';
      return `<th scope="col"${kind}>${escaped(name)}</th>`;
    })
    .join('');
  return `<table class="wide"><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
}

function cell(name: string, value: string, kind = ''): string {
  const attributes = kind === '' ? '' : ` class="${kind}"`;
  return `<td data-name="${escaped(name)}"${attributes}>${escaped(value)}</td>`;
}

function verdictText({ status, summary }: ReconciliationReport): string {
  if (status === 'failed') return 'The comparison did not come to its end.';
  if (status === 'behind') return 'What the platform wrote is not all stored yet.';
  if (status === 'clean') return 'Everything that was compared is as the rows of the platform say.';
  const parts = driftSides
    .filter((side) => summary.sides[side].drift > 0)
    .map((side) => `${summary.sides[side].drift} of ${(sideTexts[side] ?? side).toLowerCase()}`);
  return `${summary.drift} rows differ: ${parts.join(', ')}.`;
}

function scopeText({ scope }: ReconciliationReport): string {
  const { tenantIds, propertyId, from, to } = scope;
  const parts = [
    tenantIds === null ? 'all tenants' : `tenant ${tenantIds.join(', ')}`,
    ...(propertyId === null ? [] : [`property ${propertyId}`]),
    ...(from === null ? [] : [`from ${from}`]),
    ...(to === null ? [] : [`to ${to}`]),
  ];
  return parts.join(', ');
}

function timeText(startedAt: string, finishedAt: string): string {
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000;
  return `${startedAt.slice(0, 19).replace('T', ' ')} UTC, ${seconds.toFixed(1)} s`;
}

function sideText({ status, reason }: ComparedSide): string {
  const words = status.replaceAll('_', ' ');
  return reason === undefined ? words : `${words}: ${reason}`;
}

function differenceText({ field, expected, actual }: FieldDifference): string {
  return `${field}: ${valueText(expected)} follows, ${valueText(actual)} is there`;
}

function valueText(value: FieldDifference['expected']): string {
  if (value === null) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function amountsText(amounts: readonly Amount[]): string {
  return amounts.map(amountText).join(', ');
}
