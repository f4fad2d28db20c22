/**
 * `GET /v1/reconciliation` and `/v1/reconciliation.html`: the last comparison with the platform's tables, as
 * JSON and as a page. A browser sends no header of its own: the page takes the tenant from its address too.
 */
import { z } from 'zod';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import { reportPage } from '../../reconciliation/report-page.ts';
import type { RouteGroup } from '../http-server.ts';
import { documented, tenantHeaders } from '../openapi.ts';
import { problem, problemOf } from '../problem.ts';
import { checkTenant, tenantField, tenantHeader, tenantOf } from '../request-fields.ts';

export function reconciliationRoutes(
  lastReport: (tenantId: string) => Promise<ReconciliationReport>,
): RouteGroup {
  return (server) => {
    server.get('/v1/reconciliation', { schema: jsonDocument }, (request) =>
      lastReport(tenantOf(request)),
    );
    server.get('/v1/reconciliation.html', { schema: pageDocument }, async (request, reply) => {
      const { tenantId } = request.query as { readonly tenantId?: unknown };
      const tenant = checkTenant(tenantId ?? request.headers[tenantHeader], 'tenantId');
      const report = await lastReport(tenant);
      await reply.type('text/html; charset=utf-8').send(reportPage(report));
    });
  };
}

const side = z.object({
  drift: z.number(),
  reasons: z.record(z.string(), z.number()),
  amounts: z.array(z.object({ currency: z.string(), minor: z.number() })),
});
const compared = z.object({
  status: z.enum(['compared', 'left_out', 'not_captured']),
  reason: z.string().optional(),
});
const reportBody = z.object({
  runId: z.string(),
  trigger: z.enum(['schedule', 'command']),
  status: z.enum(['clean', 'drift', 'behind', 'failed']),
  startedAt: z.string(),
  finishedAt: z.string(),
  scope: z.looseObject({}),
  sides: z.object({ ledger: compared, state: compared, locks: compared, payments: compared }),
  summary: z.looseObject({
    drift: z.number().describe('entries, holds and payments of the tenant that differ'),
    sides: z.object({ ledger: side, locks: side, payments: side }),
  }),
  drift: z
    .array(z.looseObject({ side: z.string(), reason: z.string(), reservationId: z.string() }))
    .describe('with the money by which each differs: what follows less what is stored'),
  problem: z.string().nullable().describe('why it is behind or has failed'),
});

const problems = [
  problem(400, 'REQUEST_INVALID', 'header x-tenant-id must name one tenant'),
  problem(404, 'NOT_FOUND', 'there was no reconciliation yet'),
  problem(429, 'QUEUE_FULL', '16 requests are waiting for Postgres; try again shortly'),
  problem(503, 'DATABASE_UNAVAILABLE', 'Postgres (ROLLGUARD_DATABASE_URL) does not answer'),
  problemOf(undefined),
];

const jsonDocument = documented({
  tags: ['operations'],
  summary: "The last comparison with the platform's tables",
  description:
    'The rows that differ are those of the tenant that asks; the other counts are of the whole run.',
  headers: tenantHeaders,
  body: reportBody,
  problems,
});

const pageDocument = documented({
  tags: ['operations'],
  summary: "The last comparison with the platform's tables, as a page",
  headers: tenantHeaders.partial(),
  querystring: z.object({ tenantId: tenantField.optional() }),
  contentType: 'text/html',
  problems,
});
