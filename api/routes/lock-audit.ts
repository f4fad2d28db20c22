/**
 * `/v1/locks/…/manual-release` and `/v1/locks/…/audit`: what an admin token is needed for. Added where
 * the routes of `/v1/locks` are: bodies are read, and correlation ids sent back, as there.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../kernel/clock.ts';
import { adminTokenHeader } from '../guard/admin-access.ts';
import type { AdminCaller, AuditOperations } from '../guard/audit-operations.ts';
import { callDeadlineMs, correlationHeader, givenCorrelation } from '../guard/caller.ts';
import type { RouteGroup } from '../http-server.ts';
import { tenantHeader } from '../request-fields.ts';
import { auditDocuments as documents } from './audit-documents.ts';
import { headerOf, queryOf, takeCorrelation, whetherGone, type LockPath } from './locks.ts';

export interface AuditRoutesOptions {
  readonly operations: AuditOperations;
  readonly clock: Clock;
  /** A write has to bring its correlation id. */
  readonly requireCorrelationId: boolean;
}

export function auditRoutes(options: AuditRoutesOptions): RouteGroup {
  const { operations } = options;
  return (server) => {
    server.post<LockPath>(
      '/v1/locks/:lockId/manual-release',
      { schema: documents.manualRelease },
      (request, reply) =>
        operations.manualRelease({ lockId: request.params.lockId, fields: request.body }, () => {
          takeCorrelation(request, reply, options);
          return callerOf(request, reply, options);
        }),
    );
    server.get<LockPath>(
      '/v1/locks/:lockId/audit',
      { schema: documents.lockAudit },
      (request, reply) =>
        operations.lockAudit(
          { lockId: request.params.lockId, fields: queryOf(request) },
          readerOf(request, reply, options),
        ),
    );
    server.get('/v1/locks/audit', { schema: documents.searchAudit }, (request, reply) =>
      operations.searchAudit(queryOf(request), readerOf(request, reply, options)),
    );
  };
}

function readerOf(
  request: FastifyRequest,
  reply: FastifyReply,
  options: AuditRoutesOptions,
): () => AdminCaller {
  return () => {
    givenCorrelation(headerOf(request, correlationHeader), undefined);
    return callerOf(request, reply, options);
  };
}

function callerOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { clock }: AuditRoutesOptions,
): AdminCaller {
  const tenantId = headerOf(request, tenantHeader);
  return {
    token: headerOf(request, adminTokenHeader),
    tenantId: tenantId === '' ? undefined : tenantId,
    correlationId: String(reply.getHeader(correlationHeader)),
    deadlineMs: callDeadlineMs(clock.nowMs()),
    isGone: whetherGone(reply),
  };
}
