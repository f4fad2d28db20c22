/**
 * `GET /v1/ledgers/:reservationId` and `GET /v1/ledgers?propertyId&from&to` (totals by business date).
 * Both ask as one tenant and say in a header which state they show.
 */
import { z } from 'zod';
import type { FastifyReply } from 'fastify';
import { RollguardError } from '../../kernel/errors.ts';
import type {
  PropertyAnswer,
  ReadPosition,
  RollQueries,
} from '../../topology/roll/roll-queries.ts';
import type { StoredEntry } from '../../topology/roll/diff.ts';
import type { RouteGroup } from '../http-server.ts';
import { parseFields, tenantOf } from '../request-fields.ts';

// Six years of days in one answer; more is a report, not a page.
const rangeDaysMax = 2_200;
const dayMs = 86_400_000;

const date = z.iso.date('must be a date like 2026-03-29');
const id = z.guid('must be a UUID').toLowerCase();
const ledgerParams = z.object({ reservationId: id });
const totalsQuery = z
  .object({ propertyId: id, from: date, to: date })
  .refine(({ from, to }) => from <= to, { path: ['to'], message: 'must not be before from' })
  .refine(({ from, to }) => (Date.parse(to) - Date.parse(from)) / dayMs < rangeDaysMax, {
    path: ['to'],
    message: `must be less than ${rangeDaysMax} days after from`,
  });

export function ledgerRoutes(queries: RollQueries): RouteGroup {
  return (server) => {
    server.get('/v1/ledgers/:reservationId', async (request, reply) => {
      const tenantId = tenantOf(request);
      const { reservationId } = parseFields(ledgerParams, request.params);
      const answer = await queries.ledger(tenantId, reservationId);
      if (answer === undefined) {
        throw new RollguardError(
          'NOT_FOUND',
          `no reservation ${reservationId} is known for this tenant`,
        );
      }
      showPosition(reply, answer.position);
      await reply.send({ tenantId, reservationId, entries: answer.entries.map(entryBody) });
    });
    server.get('/v1/ledgers', async (request, reply) => {
      const tenantId = tenantOf(request);
      const query = parseFields(totalsQuery, request.query);
      const answer = await queries.property({ tenantId, ...query });
      showPosition(reply, answer.position);
      await reply.send({ tenantId, ...query, ...totalsBody(answer) });
    });
  };
}

function showPosition(reply: FastifyReply, { partition, offset }: ReadPosition): void {
  reply.header('x-rollguard-position', `${partition}:${offset}`);
}

function entryBody({ entry, createdAtMs, updatedAtMs }: StoredEntry): object {
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
function totalsBody({ days, zone, lastClosedDate }: PropertyAnswer): object {
  const totals = { roomsSold: 0, arrivals: 0, departures: 0, cancellations: 0, noShows: 0 };
  const revenueMinor: Record<string, number> = {};
  for (const day of days) {
    totals.roomsSold += day.roomsSold;
    totals.arrivals += day.arrivals;
    totals.departures += day.departures;
    totals.cancellations += day.cancellations;
    totals.noShows += day.noShows;
    for (const [currency, minor] of Object.entries(day.revenueMinor)) {
      revenueMinor[currency] = (revenueMinor[currency] ?? 0) + minor;
    }
  }
  return {
    timeZone: zone ?? null,
    lastClosedDate: lastClosedDate ?? null,
    totals: { ...totals, revenueMinor },
    days: days.map((day) => ({ ...day, occupancy: day.occupancy ?? null })),
  };
}
