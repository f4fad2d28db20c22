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

const ledgerDocument = documented({
  tags: ['ledgers'],
  summary: "A reservation's ledger",
  description: `Committed state. The header \`${positionHeader}\` says which: partition:offset of its changelog.`,
  headers: tenantHeaders,
  params: ledgerFields,
  body: ledgerBody,
  problems: [400, 404, 503],
});

const totalsDocument = documented({
  tags: ['ledgers'],
  summary: "A property's business dates",
  description: `Days on which something happened, and their sums. \`${positionHeader}\` as above.`,
  headers: tenantHeaders,
  querystring: totalsFields,
  body: totalsBody,
  problems: [400, 503],
});
