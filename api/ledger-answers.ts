/**
 * The reads of the Roll Service as every front answers them: fields checked, the question asked, the
 * answer's shape. HTTP and gRPC only carry it, so they cannot say different things.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type {
  PropertyAnswer,
  ReadOptions,
  ReadPosition,
  RollQueries,
} from '../topology/roll/roll-queries.ts';
import type { StoredEntry } from '../topology/roll/diff.ts';
import { parseFields } from './request-fields.ts';

// Six years of days in one answer; more is a report, not a page.
const rangeDaysMax = 2_200;
const dayMs = 86_400_000;

const date = z.iso.date('must be a date like 2026-03-29');
const id = z.guid('must be a UUID').toLowerCase();
const instant = z.iso.datetime();

const exampleIds = {
  tenantId: '7e000000-0000-4000-8000-000000000001',
  reservationId: '5e000000-0000-4000-8000-000000000001',
  propertyId: '9e000000-0000-4000-8000-000000000001',
};

export const ledgerFields = z.object({
  reservationId: id.meta({ examples: [exampleIds.reservationId] }),
});

const totalsShape = z.object({
  propertyId: id.meta({ examples: [exampleIds.propertyId] }),
  from: date.meta({ description: 'first business date, included', examples: ['2026-05-01'] }),
  to: date.meta({
    description: `last business date, included; less than ${rangeDaysMax} days after from`,
    examples: ['2026-05-31'],
  }),
});
export const totalsFields = totalsShape
  .refine(({ from, to }) => from <= to, { path: ['to'], message: 'must not be before from' })
  .refine(({ from, to }) => (Date.parse(to) - Date.parse(from)) / dayMs < rangeDaysMax, {
    path: ['to'],
    message: `must be less than ${rangeDaysMax} days after from`,
  });

const entryBody = z.object({
  ledgerId: z.string(),
  tenantId: z.string(),
  reservationId: z.string(),
  propertyId: z.string(),
  lifecycleEventId: z.string().describe('with the tenant, the idempotency key of the entry'),
  rollType: z.enum(['EOD', 'CHECKOUT', 'CANCEL', 'NO_SHOW']),
  rollDate: date,
  businessDate: date.describe('whose totals the entry counts in'),
  occurredAt: instant,
  sourceEventType: z.string(),
  eventPayload: z.unknown().describe('the fields that decided the entry'),
  amountMinor: z.int().describe('minor units of the currency'),
  currency: z.string().describe('ISO 4217'),
  revision: z.string().describe('hash of the entry: equal revisions say the same'),
  createdAt: instant,
  updatedAt: instant,
});
export type EntryBody = z.output<typeof entryBody>;

const entryExample: EntryBody = {
  ledgerId: '1b0e3f0e-7c6e-5a52-9d5e-0a4c8e6f2d11',
  ...exampleIds,
  lifecycleEventId: '4f6a1c2d-90ab-5cde-8f01-23456789abcd',
  rollType: 'EOD',
  rollDate: '2026-05-10',
  businessDate: '2026-05-10',
  occurredAt: '2026-05-11T00:00:00.000Z',
  sourceEventType: 'business_date.closed',
  eventPayload: { night: '2026-05-10' },
  amountMinor: 7_550,
  currency: 'EUR',
  revision: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  createdAt: '2026-05-11T01:00:00.120Z',
  updatedAt: '2026-05-11T01:00:00.120Z',
};

const { tenantId, reservationId, propertyId } = exampleIds;

export const ledgerBody = z
  .object({ tenantId: z.string(), reservationId: z.string(), entries: z.array(entryBody) })
  .meta({ examples: [{ tenantId, reservationId, entries: [entryExample] }] });
export type LedgerBody = z.output<typeof ledgerBody>;

const counts = z.object({
  roomsSold: z.int(),
  arrivals: z.int(),
  departures: z.int(),
  cancellations: z.int(),
  noShows: z.int(),
  revenueMinor: z.record(z.string(), z.int()).describe('room revenue by currency, minor units'),
});
const countsExample: z.output<typeof counts> = {
  ...{ roomsSold: 1, arrivals: 1, departures: 0, cancellations: 0, noShows: 0 },
  revenueMinor: { EUR: 7_550 },
};

const totalsBodyShape = z.object({
  tenantId: z.string(),
  propertyId: z.string(),
  from: date,
  to: date,
  timeZone: z.string().nullable().describe("null while the property's row has not come"),
  lastClosedDate: date.nullable(),
  totals: counts.describe('sums over all days'),
  days: z.array(
    counts.extend({
      businessDate: date,
      occupancy: z.number().nullable().describe("rooms sold as a part of the property's rooms"),
    }),
  ),
});
export type TotalsBody = z.output<typeof totalsBodyShape>;

export const totalsBody = totalsBodyShape.meta({
  examples: [
    {
      ...{ tenantId, propertyId, from: '2026-05-01', to: '2026-05-31' },
      ...{ timeZone: 'Europe/Helsinki', lastClosedDate: '2026-05-10' },
      totals: countsExample,
      days: [{ ...countsExample, businessDate: '2026-05-10', occupancy: 0.05 }],
    },
  ],
});

export interface Answered<Body> {
  readonly body: Body;
  readonly position: ReadPosition;
}

/** As a front has it. */
export interface Asked {
  readonly tenantId: string;
  readonly fields: unknown;
  readonly read: ReadOptions;
}

/** @throws REQUEST_INVALID, NOT_FOUND, NOT_READY */
export async function answerLedger(
  queries: RollQueries,
  { tenantId, fields, read }: Asked,
): Promise<Answered<LedgerBody>> {
  const { reservationId } = parseFields(ledgerFields, fields);
  const answer = await queries.ledger({ tenantId, reservationId }, read);
  if (answer === undefined) {
    const message = `no reservation ${reservationId} is known for this tenant`;
    throw new RollguardError('NOT_FOUND', message);
  }
  const entries = answer.entries.map(entryBodyOf);
  return { body: { tenantId, reservationId, entries }, position: answer.position };
}

/** @throws REQUEST_INVALID, NOT_READY */
export async function answerTotals(
  queries: RollQueries,
  { tenantId, fields, read }: Asked,
): Promise<Answered<TotalsBody>> {
  const query = parseFields(totalsFields, fields);
  const answer = await queries.property({ tenantId, ...query }, read);
  return { body: { tenantId, ...query, ...daysOf(answer) }, position: answer.position };
}

function entryBodyOf({ entry, createdAtMs, updatedAtMs }: StoredEntry): EntryBody {
  const { occurredMicros, eventPayload, ...columns } = entry;
  return {
    ...columns,
    occurredAt: new Date(occurredMicros / 1_000).toISOString(),
    eventPayload: JSON.parse(eventPayload) as unknown,
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  };
}

/** The days, and their sums over the whole range. */
function daysOf({
  days,
  zone,
  lastClosedDate,
}: PropertyAnswer): Pick<TotalsBody, 'timeZone' | 'lastClosedDate' | 'totals' | 'days'> {
  const totals = { roomsSold: 0, arrivals: 0, departures: 0, cancellations: 0, noShows: 0 };
  const revenueMinor: Record<string, number> = {};
  for (const day of days) {
    totals.roomsSold += day.roomsSold;
    totals.arrivals += day.arrivals;
    totals.departures += day.departures;
    totals.cancellations += day.cancellations;
    totals.noShows += day.noShows;
    for (const [currency, minor] of Object.entries(day.revenueMinor)) {
      revenueMinor[currency] = exact((revenueMinor[currency] ?? 0) + minor);
    }
  }
  return {
    timeZone: zone ?? null,
    lastClosedDate: lastClosedDate ?? null,
    totals: { ...totals, revenueMinor },
    days: days.map((day) => ({ ...day, occupancy: day.occupancy ?? null })),
  };
}

/** A sum that a number no longer holds exactly is refused, not rounded. @throws REQUEST_INVALID */
function exact(minor: number): number {
  if (Number.isSafeInteger(minor)) return minor;
  const message = 'to: the revenue of this range exceeds 2^53 minor units; ask for a shorter one';
  throw new RollguardError('REQUEST_INVALID', message);
}
