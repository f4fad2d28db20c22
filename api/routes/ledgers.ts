/**
 * `GET /v1/ledgers/:reservationId` and `GET /v1/ledgers?propertyId&from&to` (totals by business date).
 * Both ask as one tenant and say in a header which state they show.
 */
import type { FastifyReply } from 'fastify';
import type { ReadPosition, RollQueries } from '../../topology/roll/roll-queries.ts';
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
import { tenantOf } from '../request-fields.ts';

const positionHeader = 'x-rollguard-position';

export function ledgerRoutes(queries: RollQueries): RouteGroup {
  return (server) => {
    server.get('/v1/ledgers/:reservationId', { schema: ledgerDocument }, async (request, reply) => {
      const { body, position } = await answerLedger(queries, tenantOf(request), request.params);
      showPosition(reply, position);
      await reply.send(body);
    });
    server.get('/v1/ledgers', { schema: totalsDocument }, async (request, reply) => {
      const { body, position } = await answerTotals(queries, tenantOf(request), request.query);
      showPosition(reply, position);
      await reply.send(body);
    });
  };
}

function showPosition(reply: FastifyReply, { partition, offset }: ReadPosition): void {
  reply.header(positionHeader, `${partition}:${offset}`);
}

const answerHeaders = {
  [positionHeader]: 'which state the answer shows: partition:offset of its changelog',
};
const unexpected = problemOf(undefined);
const restoring = problem(503, 'NOT_READY', 'ledger_2 is restoring; try again shortly');

const ledgerDocument = documented({
  tags: ['ledgers'],
  summary: "A reservation's ledger",
  description: 'What the reservation earned, entry by entry, from committed state.',
  headers: tenantHeaders,
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
  headers: tenantHeaders,
  querystring: totalsFields,
  body: totalsBody,
  answerHeaders,
  problems: [problem(400, 'REQUEST_INVALID', 'to: must not be before from'), unexpected, restoring],
});
