/**
 * The HTTP window: routes, limits, problem+json. Thin: decode, ask a query, encode. Every request is
 * bounded in size and time.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { describeApi } from './openapi.ts';
import { problem, problemContentType, problemOf, retryAfterSeconds } from './problem.ts';

const apiVersion = 'v1';
const bodyBytesMax = 1024 * 1024;
const requestTimeoutMs = 15_000;
// A keep-alive connection without a request; longer than the usual load balancer's 60 s.
const connectionIdleMs = 72_000;
const drainTimeoutMs = 5_000;

/** Adds its routes to the server. */
export type RouteGroup = (server: FastifyInstance) => void;

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly routes: readonly RouteGroup[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface HttpServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** @throws CONFIG_INVALID when HTTP_PORT is taken. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = await createHttpApplication(options);
  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    const message = `cannot listen on ${options.host}:${options.port}; set HTTP_PORT to a free port`;
    throw new RollguardError('CONFIG_INVALID', message, { cause: error });
  }
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () => shutDown(server, options.clock),
  };
}

/** No new requests; those under way are answered, or cut off after a while, as is one that never comes. */
async function shutDown(server: FastifyInstance, clock: Clock): Promise<void> {
  const drained = server.close();
  if ((await settledWithin(clock, drainTimeoutMs, drained)) === late) {
    server.server.closeAllConnections();
  }
  await drained;
}

/** The application without a socket: `inject` requests into it in tests. */
export async function createHttpApplication({
  routes,
  logger,
}: Pick<HttpServerOptions, 'routes' | 'logger'>): Promise<FastifyInstance> {
  const server = Fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs,
    keepAliveTimeout: connectionIdleMs,
    routerOptions: { maxParamLength: 200 },
    // Readiness goes false first; what is under way is answered.
    forceCloseConnections: 'idle',
  });
  server.setErrorHandler(async (error, request, reply) => {
    const answer = problemOf(error);
    if (answer.status >= 500 && !isRollguardError(error)) {
      logger.error('request failed', { method: request.method, url: request.url, error });
    }
    const seconds = retryAfterSeconds(answer);
    if (seconds !== undefined) reply.header('retry-after', String(seconds));
    await reply.code(answer.status).type(problemContentType).send(JSON.stringify(answer));
  });
  server.setNotFoundHandler(async (request, reply) => {
    const answer = problem(404, 'NOT_FOUND', `no route ${request.method} ${request.url}`);
    await reply.code(404).type(problemContentType).send(JSON.stringify(answer));
  });
  await describeApi(server, apiVersion);
  for (const add of routes)
    server.register((instance, _options, done) => {
      add(instance);
      done();
    });
  return server;
}
