/**
 * `GET /v1/ledgers/:reservationId` and `GET /v1/ledgers?propertyId&from&to` (totals by business date).
 * Both ask as one tenant and say in a header which state they show.
 */
import type { RollQueries } from '../../topology/roll/roll-queries.ts';
import type { RouteGroup } from '../http-server.ts';
import {
  answerLedger,
  answerTotals,
  ledgerBody,
  ledgerFields,
  totalsBody,
  totalsFields,
} from '../ledger-answers.ts';
import { documented, tenantHeaders } from '../openapi.ts';
import { problem, problemOf } from '../problem.ts';
import { answerHeaders, positionHeaders, readHeaders, readOptionsOf } from '../read-options.ts';
import { tenantOf } from '../request-fields.ts';

export function ledgerRoutes(queries: RollQueries): RouteGroup {
  return (server) => {
    server.get('/v1/ledgers/:reservationId', { schema: ledgerDocument }, async (request, reply) => {
      const { params, headers } = request;
      const read = readOptionsOf((name) => headers[name]);
      const asked = { fields: params, tenantId: tenantOf(request), read };
      const { body, position } = await answerLedger(queries, asked);
      await reply.headers(positionHeaders(position)).send(body);
    });
    server.get('/v1/ledgers', { schema: totalsDocument }, async (request, reply) => {
      const { query, headers } = request;
      const read = readOptionsOf((name) => headers[name]);
      const asked = { fields: query, tenantId: tenantOf(request), read };
      const { body, position } = await answerTotals(queries, asked);
      await reply.headers(positionHeaders(position)).send(body);
    });
  };
}

const headers = tenantHeaders.extend(readHeaders.shape);
const unexpected = problemOf(undefined);
const restoring = problem(503, 'NOT_READY', 'ledger_2 is restoring; try again shortly');

const ledgerDocument = documented({
  tags: ['ledgers'],
  summary: "A reservation's ledger",
  description: 'What the reservation earned, entry by entry, from committed state.',
  headers,
  params: ledgerFields,
  body: ledgerBody,
  answerHeaders,
  problems: [
    problem(400, 'REQUEST_INVALID', 'reservationId: must be a UUID'),
    problem(404, 'NOT_FOUND', 'no reservation … is known for this tenant'),
    unexpected,
    restoring,
  ],
});

const totalsDocument = documented({
  tags: ['ledgers'],
  summary: "A property's business dates",
  description: 'Days on which something happened, and their sums, from committed state.',
  headers,
  querystring: totalsFields,
  body: totalsBody,
  answerHeaders,
  problems: [problem(400, 'REQUEST_INVALID', 'to: must not be before from'), unexpected, restoring],
});
