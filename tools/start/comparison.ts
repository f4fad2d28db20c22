/** What the HTTP API says about each property beside what the input says: differences in words. */
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';
import {
  sumTotals,
  type ExpectedDay,
  type ExpectedTotals,
} from '../../examples/reservation-platform/expected.ts';
import type { Expectation, Workload } from './workload.ts';

const requestTimeoutMs = 10_000;
const shownDaysMax = 5;

const counts = {
  roomsSold: z.number(),
  arrivals: z.number(),
  departures: z.number(),
  cancellations: z.number(),
  noShows: z.number(),
  revenueMinor: z.record(z.string(), z.number()),
};
const answerSchema = z.object({
  totals: z.object(counts),
  days: z.array(z.object({ businessDate: z.string(), ...counts })),
});
export type Answer = z.infer<typeof answerSchema>;

export interface Comparison {
  /** All properties together, as answered. */
  readonly totals: ExpectedTotals;
  /** One line each; empty: everything is as the input says. */
  readonly differences: readonly string[];
}

/** @throws NOT_READY when the API does not answer (yet). */
export async function compareWithApi(url: string, workload: Workload): Promise<Comparison> {
  const results = await Promise.all(
    workload.expectations.map(async (expectation) => {
      const answer = await askForTotals(url, expectation, workload);
      return { totals: totalsOf(answer), differences: differencesOf(expectation, answer) };
    }),
  );
  return {
    totals: sumTotals(results.map(({ totals }) => totals)),
    differences: results.flatMap(({ differences }) => differences),
  };
}

async function askForTotals(
  url: string,
  { propertyId, tenantId }: Expectation,
  { from, to }: Workload,
): Promise<Answer> {
  const query = new URLSearchParams({ propertyId, from, to }).toString();
  try {
    const response = await fetch(`${url}/v1/ledgers?${query}`, {
      headers: { 'x-tenant-id': tenantId },
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    if (response.ok) return answerSchema.parse(await response.json());
    throw new RollguardError('NOT_READY', `${response.status} ${await response.text()}`);
  } catch (error) {
    throw new RollguardError('NOT_READY', 'the totals cannot be read yet', { cause: error });
  }
}

function totalsOf({ totals }: Answer): ExpectedTotals {
  return {
    checkout: totals.departures,
    cancel: totals.cancellations,
    no_show: totals.noShows,
    nights: totals.roomsSold,
    revenue_cents: minorSum(totals.revenueMinor),
  };
}

/** The totals that differ, then the days where the input tells them. */
export function differencesOf(expectation: Expectation, answer: Answer): string[] {
  const { name, days } = expectation;
  const found = totalsOf(answer);
  const names = Object.keys(found) as (keyof ExpectedTotals)[];
  const totals = names
    .filter((total) => found[total] !== expectation.totals[total])
    .map((total) => `${name}: ${total} is ${found[total]}, not ${expectation.totals[total]}`);
  return days === undefined ? totals : [...totals, ...dayDifferences(name, days, answer)];
}

function dayDifferences(
  name: string,
  expected: ReadonlyMap<string, ExpectedDay>,
  answer: Answer,
): string[] {
  const found = new Map(
    answer.days.map(({ businessDate, revenueMinor, ...day }) => [
      businessDate,
      dayText({ ...day, revenueMinor: minorSum(revenueMinor) }),
    ]),
  );
  const empty = dayText(undefined);
  const dates = [...new Set([...expected.keys(), ...found.keys()])].sort();
  const wrong = dates
    .map((date) => ({ date, is: found.get(date) ?? empty, should: dayText(expected.get(date)) }))
    .filter(({ is, should }) => is !== should)
    .map(({ date, is, should }) => `${name} on ${date}: ${is}, not ${should}`);
  const rest = wrong.length - shownDaysMax;
  return rest > 0 ? [...wrong.slice(0, shownDaysMax), `${name}: ${rest} more days differ`] : wrong;
}

function dayText(day: ExpectedDay | undefined): string {
  const text = (value: number | undefined): string => String(value ?? 0);
  return [
    `${text(day?.roomsSold)} rooms`,
    `${text(day?.revenueMinor)} minor units`,
    `${text(day?.arrivals)} in`,
    `${text(day?.departures)} out`,
    `${text(day?.cancellations)} cancelled`,
    `${text(day?.noShows)} no-shows`,
  ].join(' / ');
}

function minorSum(revenueMinor: Readonly<Record<string, number>>): number {
  return Object.values(revenueMinor).reduce((sum, minor) => sum + minor, 0);
}
