/** Ledgers, days and closed dates as text for people. Amounts are minor units, as the API has them. */
import type { LedgerBody, TotalsBody } from '../../api/ledger-answers.ts';
import type { CloseDateResult } from './close-date.ts';

export function renderLedger({ reservationId, entries }: LedgerBody): string {
  if (entries.length === 0) return `${reservationId}: no entries\n`;
  const lines = entries.map(({ rollType, rollDate, amountMinor, currency, occurredAt }) =>
    [rollType.padEnd(8), rollDate, String(amountMinor).padStart(10), currency, occurredAt].join(
      '  ',
    ),
  );
  return [reservationId, ...lines].map((line) => `${line}\n`).join('');
}

export function renderDays({ timeZone, lastClosedDate, totals, days }: TotalsBody): string {
  const closed = lastClosedDate === null ? 'no date closed yet' : `closed to ${lastClosedDate}`;
  const lines = days.map((day) => row(day.businessDate, day));
  const head = ['date'.padEnd(10), 'sold', 'arr', 'dep', 'canc', 'no-show', 'revenue'];
  return [
    `${timeZone ?? 'time zone not known'}, ${closed}`,
    head.map((word, at) => (at === 0 ? word : word.padStart(7))).join('  '),
    ...lines,
    row('total', totals),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

export function renderClosed({ status, date, closes, lastClosedDate }: CloseDateResult): string {
  const dates = closes === null || closes.from === closes.to ? date : `${closes.from} to ${date}`;
  switch (status) {
    case 'closed':
      return `${dates} closed\n`;
    case 'recorded':
      return `${dates} will close: it is written down\n`;
    case 'had-closed-before':
      return `${date} had closed before: the last closed date is ${lastClosedDate ?? 'none'}\n`;
    case 'would-close':
      return `${dates} would close\n`;
  }
}

function row(name: string, counts: TotalsBody['totals']): string {
  const { roomsSold, arrivals, departures, cancellations, noShows, revenueMinor } = counts;
  const numbers = [roomsSold, arrivals, departures, cancellations, noShows];
  const revenue = Object.entries(revenueMinor).map(([currency, minor]) => `${minor} ${currency}`);
  const columns = [...numbers.map(String), revenue.join(', ')];
  return [name.padEnd(10), ...columns.map((text) => text.padStart(7))].join('  ');
}
