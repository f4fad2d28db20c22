/** Both fronts of the guard over one fake, on real sockets, and the same question put to each. */
import { Metadata } from '@grpc/grpc-js';
import { startGrpcServer } from '../../api/grpc/grpc-server.ts';
import { guardDefinition } from '../../api/grpc/protos.ts';
import { statusDetailsOf } from '../../api/grpc/status-details.ts';
import { guardFronts } from '../../api/guard/guard-fronts.ts';
import { startHttpServer } from '../../api/http-server.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { healthRoutes } from '../../api/routes/health.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { adminSettings } from './admin-settings.ts';
import { fakeGuard, type FakeGuard } from './fake-guard.ts';
import { GrpcClient, isServiceError, type Message } from './grpc-client.ts';

export const operations = {
  lock: 'LockRoom',
  release: 'ReleaseRoom',
  bulkRelease: 'BulkRelease',
  get: 'GetLock',
  list: 'ListLocks',
  availability: 'CheckAvailability',
} as const;
export type Operation = keyof typeof operations;

export interface Question {
  readonly operation: Operation;
  /** In HTTP's names; lockId is part of its path. */
  readonly fields: Message;
  /** Of HTTP, metadata of gRPC; without a tenant here: that of `tenant`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer as HTTP's JSON, or what is said about the error. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly code?: string;
  readonly detail?: string;
  readonly fields?: readonly string[];
  readonly retryAfterSeconds?: number | undefined;
  /** Tasks of missing partitions. */
  readonly missing?: readonly string[] | undefined;
  readonly correlationId: string;
}

export interface GuardWindows {
  readonly guard: FakeGuard;
  readonly httpUrl: string;
  readonly grpcPort: number;
  readonly client: GrpcClient;
  http(question: Question): Promise<Answer>;
  grpc(question: Question): Promise<Answer>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export const tenant = '7e000000-0000-4000-8000-000000000001';

/** @param admin settings of what is done by hand, by the names of the environment. */
export async function openGuardWindows(
  requireCorrelationId = false,
  admin: Readonly<Record<string, string>> = {},
): Promise<GuardWindows> {
  const guard = fakeGuard();
  const metrics = createMetricsRegistry();
  const settings = {
    ...adminSettings(admin),
    ...{ SHADOW_MODE: true, REQUIRE_CORRELATION_ID: requireCorrelationId },
  };
  const fronts = guardFronts(
    { settings, clock: systemClock, logger: silentLogger, metrics },
    guard,
  );
  const sources = [{ name: 'guard', notReady: () => undefined }];
  const http = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock, logger: silentLogger },
    routes: [fronts.routes, healthRoutes(sources, metrics)],
  });
  const grpc = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    guard: { implementation: fronts.service, sources },
  });
  const client = new GrpcClient(grpc.port, guardDefinition);
  const httpUrl = `http://127.0.0.1:${http.port}`;
  return {
    ...{ guard, httpUrl, grpcPort: grpc.port, client },
    http: (question) => askHttp(httpUrl, question),
    grpc: (question) => askGrpc(client, question),
    metrics: async () => (await metrics.render()).body,
    close: async () => {
      client.close();
      await Promise.all([http.close(), grpc.close()]);
    },
  };
}

async function askHttp(url: string, { operation, fields, headers }: Question): Promise<Answer> {
  const { method, path, body } = httpRequest(operation, fields);
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'x-tenant-id': tenant,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const correlationId = response.headers.get('x-correlation-id') ?? '';
  const { status } = response;
  const answer = (await response.json()) as Message;
  if (status === 200 || status === 409) return { status, body: answer, correlationId };
  const retryAfter = response.headers.get('retry-after');
  const errors = (answer['errors'] ?? []) as readonly { field: string }[];
  return {
    ...{ status, correlationId, code: String(answer['code']), detail: String(answer['detail']) },
    fields: errors.map(({ field }) => field),
    retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter),
    missing: (answer['missingPartitions'] as readonly { task: string }[] | undefined)?.map(
      ({ task }) => task,
    ),
  };
}

function httpRequest(
  operation: Operation,
  fields: Message,
): { readonly method: string; readonly path: string; readonly body?: Message } {
  const { lockId, ...rest } = fields;
  const query = (): string => new URLSearchParams(fields as Record<string, string>).toString();
  const lockPath = `/v1/locks/${encodeURIComponent(String(lockId))}`;
  switch (operation) {
    case 'lock':
      return { method: 'POST', path: '/v1/locks', body: fields };
    case 'release':
      return { method: 'DELETE', path: lockPath, body: rest };
    case 'bulkRelease':
      return { method: 'POST', path: '/v1/locks/bulk-release', body: fields };
    case 'get':
      return { method: 'GET', path: lockPath };
    case 'list':
      return { method: 'GET', path: `/v1/locks?${query()}` };
    case 'availability':
      return { method: 'GET', path: `/v1/availability?${query()}` };
  }
}

async function askGrpc(client: GrpcClient, question: Question): Promise<Answer> {
  const { operation, headers = {} } = question;
  const { partial, ...others } = question.fields;
  const fields = partial === undefined ? others : { ...others, allowPartial: partial };
  const metadata = new Metadata();
  for (const [name, value] of Object.entries({ 'x-tenant-id': tenant, ...headers })) {
    if (value !== '') metadata.set(name, value);
  }
  let correlationId = '';
  const found = await client.call(operations[operation], fields, {
    metadata,
    onMetadata: (initial) => {
      correlationId = initial.get('x-correlation-id').map(String).join();
    },
  });
  if (!isServiceError(found)) {
    return {
      status: found['status'] === 'CONFLICT' ? 409 : 200,
      body: bodyOf(question, found),
      correlationId,
    };
  }
  const details = statusDetailsOf(found.metadata);
  return {
    ...{
      status: found.code,
      correlationId,
      code: details?.reason ?? 'none',
      detail: found.details,
    },
    fields: (details?.violations ?? []).map(({ field }) => field),
    retryAfterSeconds: details?.retryAfterSeconds,
    missing: details?.missing,
  };
}

/** A gRPC answer in HTTP's shape. */
function bodyOf({ operation, fields }: Question, message: Message): unknown {
  const lock = lockBody(message['lock']);
  switch (operation) {
    case 'lock':
      return message['status'] === 'LOCKED'
        ? { status: 'LOCKED', lock, isRepeat: message['isRepeat'] }
        : { status: 'CONFLICT', conflict: conflictBody(message['conflict'] as Message) };
    case 'release':
      return { status: 'RELEASED', lock, isRepeat: message['isRepeat'] };
    case 'bulkRelease': {
      const results = (message['results'] as readonly Message[]).map((result) => ({
        ...result,
        lock: lockBody(result['lock']),
      }));
      const { complete, released, missingPartitions } = message;
      const status = complete === true ? 'DONE' : 'INCOMPLETE';
      return { status, complete, released, results, missingPartitions };
    }
    case 'get':
      return lock;
    case 'list':
      return {
        locks: (message['locks'] as readonly Message[]).map(lockBody),
        nextCursor: message['nextCursor'] === '' ? null : message['nextCursor'],
        ...(fields['partial'] === true ? { missingPartitions: missingOf(message) } : {}),
      };
    case 'availability': {
      const nights = (message['nights'] as readonly Message[]).map((night) => ({
        ...{ capacity: null, free: null },
        ...night,
      }));
      return { ...message, nights };
    }
  }
}

/** Of reads, which have no outcome. */
function missingOf({ missingPartitions }: Message): unknown {
  return (missingPartitions as readonly Message[]).map(({ task, partition, reason }) => ({
    ...{ task, partition, reason },
  }));
}

const optional = {
  ...{ reservationId: null, roomId: null, propertyId: null, correlationId: null },
  ...{ expiresAt: null, releasedAt: null, releaseReason: null },
};

function lockBody(message: unknown): unknown {
  if (message === null || message === undefined) return null;
  const { iteration, version, ...lock } = message as Message;
  return { ...optional, ...lock, iteration: Number(iteration), version: Number(version) };
}

function conflictBody({ blockingLock, ...conflict }: Message): unknown {
  return { ...conflict, blockingLock: lockBody(blockingLock) };
}
