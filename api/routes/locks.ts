/**
 * `/v1/locks` and `/v1/availability`: the guard over HTTP. Bodies are JSON objects and nothing else; who
 * asks is in the headers, a correlation id comes back with every answer.
 */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import {
  callDeadlineMs,
  callingTenant,
  correlationHeader,
  givenCorrelation,
} from '../guard/caller.ts';
import type { Caller, GuardOperations } from '../guard/guard-operations.ts';
import type { RouteGroup } from '../http-server.ts';
import { fieldError, tenantHeader, tenantOf } from '../request-fields.ts';
import { lockDocuments as documents } from './lock-documents.ts';

const idempotencyHeader = 'idempotency-key';

export interface LockRoutesOptions {
  readonly operations: GuardOperations;
  readonly clock: Clock;
  /** Of correlation ids. */
  readonly random: Random;
  /** A write has to bring its correlation id. */
  readonly requireCorrelationId: boolean;
}

export type Body = Readonly<Record<string, unknown>>;

export function lockRoutes(options: LockRoutesOptions): RouteGroup {
  const { operations } = options;
  return (server) => {
    readJsonOnly(server);
    answerWithCorrelation(server, options);
    const writer = writerOf(options);
    const reader = readerOf(options);
    server.post('/v1/locks', { schema: documents.lock }, async (request, reply) => {
      const answer = await operations.lockRoom(
        withKey(request.body, request),
        writer(request, reply),
      );
      await reply.code(answer.status === 'CONFLICT' ? 409 : 200).send(answer);
    });
    server.delete<LockPath>('/v1/locks/:lockId', { schema: documents.release }, (request, reply) =>
      operations.releaseLock(request.params.lockId, request.body, writer(request, reply)),
    );
    server.post('/v1/locks/bulk-release', { schema: documents.bulkRelease }, (request, reply) =>
      operations.bulkRelease(request.body, writer(request, reply)),
    );
    server.get<LockPath>('/v1/locks/:lockId', { schema: documents.get }, (request, reply) =>
      operations.getLock(request.params.lockId, reader(request, reply)),
    );
    server.get('/v1/locks', { schema: documents.list }, (request, reply) =>
      operations.listLocks(queryOf(request), reader(request, reply)),
    );
    server.get('/v1/availability', { schema: documents.availability }, (request, reply) =>
      operations.checkAvailability(request.query, reader(request, reply)),
    );
  };
}

export interface LockPath {
  Params: { readonly lockId: string };
}

/** Another content type is status 415; a body that is no JSON is refused in our words. */
function readJsonOnly(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, jsonOf(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** @throws REQUEST_INVALID */
function jsonOf(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw fieldError({ field: 'body', message: 'is no UTF-8 text' });
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    // The parser's message shows where it stopped.
    throw fieldError({ field: 'body', message: `is not valid JSON: ${messageOf(error)}` });
  }
}

/** Every answer says an id, errors included. */
function answerWithCorrelation(server: FastifyInstance, { random }: LockRoutesOptions): void {
  server.addHook('onRequest', (request, reply, done) => {
    reply.header(correlationHeader, correlationOf(request, random));
    done();
  });
}

function correlationOf(request: FastifyRequest, random: Random): string {
  try {
    return givenCorrelation(headerOf(request, correlationHeader), undefined) ?? random.uuid();
  } catch {
    // Refused where the caller is looked for; that answer has an id too.
    return random.uuid();
  }
}

type FindCaller = (request: FastifyRequest, reply: FastifyReply) => () => Caller;

function readerOf({ clock }: LockRoutesOptions): FindCaller {
  return (request, reply) => () => {
    givenCorrelation(headerOf(request, correlationHeader), undefined);
    return callerOf(reply, { clock, tenantId: tenantOf(request) });
  };
}

function writerOf(options: LockRoutesOptions): FindCaller {
  const { clock } = options;
  return (request, reply) => () => {
    const { tenantId } = (request.body ?? {}) as Body;
    takeCorrelation(request, reply, options);
    const where = `header ${tenantHeader}`;
    const asking = callingTenant(tenantOf(request), tenantId, where);
    return callerOf(reply, { clock, tenantId: asking });
  };
}

/** The id of a write, which its answer then has. @throws REQUEST_INVALID */
export function takeCorrelation(
  request: FastifyRequest,
  reply: FastifyReply,
  { requireCorrelationId }: Pick<LockRoutesOptions, 'requireCorrelationId'>,
): void {
  const { correlationId } = (request.body ?? {}) as Body;
  const named = headerOf(request, correlationHeader);
  if (requireCorrelationId && (named === undefined || named === '')) {
    const field = `header ${correlationHeader}`;
    throw fieldError({ field, message: 'is required (REQUIRE_CORRELATION_ID)' });
  }
  givenCorrelation(named, undefined);
  const given = givenCorrelation(named, correlationId);
  if (given !== undefined) reply.header(correlationHeader, given);
}

function callerOf(
  reply: FastifyReply,
  { clock, tenantId }: { readonly clock: Clock; readonly tenantId: string },
): Caller {
  return {
    tenantId: callingTenant(tenantId, undefined, `header ${tenantHeader}`),
    correlationId: String(reply.getHeader(correlationHeader)),
    deadlineMs: callDeadlineMs(clock.nowMs()),
    isGone: whetherGone(reply),
  };
}

/** Of a caller that closes its connection; the request itself is closed once its body is read. */
export function whetherGone({ raw }: FastifyReply): () => boolean {
  let isGone = false;
  raw.once('close', () => {
    isGone = !raw.writableFinished;
  });
  return () => isGone;
}

/** The key of the header, which a body may repeat but not contradict. @throws REQUEST_INVALID */
function withKey(body: unknown, request: FastifyRequest): unknown {
  const key = headerOf(request, idempotencyHeader);
  if (key === undefined || key === '' || typeof body !== 'object' || body === null) return body;
  const inBody = (body as Body)['idempotencyKey'];
  if (inBody !== undefined && inBody !== null && inBody !== '' && inBody !== key) {
    throw fieldError({
      field: `header ${idempotencyHeader}`,
      message: 'must equal idempotencyKey',
    });
  }
  return { ...body, idempotencyKey: key };
}

/** Query parameters are text; `limit` is a number and `partial` true or false where they look like it. */
export function queryOf({ query }: FastifyRequest): unknown {
  const { limit, partial, ...others } = query as Body;
  const isNumber = typeof limit === 'string' && /^\d{1,9}$/.test(limit);
  return {
    ...others,
    limit: isNumber ? Number(limit) : limit,
    partial: partial === 'true' || partial === 'false' ? partial === 'true' : partial,
  };
}

export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
