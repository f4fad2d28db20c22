/**
 * The gRPC window: services, health (`grpc.health.v1`), reflection, limits. Every call is bounded in
 * size, every connection in age; stopping lets calls under way end, for a bounded time.
 */
import {
  Server,
  ServerCredentials,
  logVerbosity,
  setLogVerbosity,
  type ServerOptions,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import type { HealthSource } from '../routes/health.ts';
import { healthService } from './health-service.ts';
import {
  guardDefinition,
  guardOffered,
  guardServiceName,
  healthDefinition,
  healthOffered,
  peerDefinition,
  queryDefinition,
  queryOffered,
  queryServiceName,
} from './protos.ts';
import { strictService } from './strict-requests.ts';

// What goes wrong is thrown or answered; the library's own lines on stderr say it twice.
setLogVerbosity(logVerbosity.NONE);

const minuteMs = 60_000;
const limits: ServerOptions = {
  // A bulk release of 10,000 ids is 380 KiB.
  'grpc.max_receive_message_length': 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1_000,
  // A client that is gone without a word is noticed; a quiet one keeps its connection for a while.
  'grpc.keepalive_time_ms': minuteMs,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_connection_idle_ms': 10 * minuteMs,
  // Connections move on to new instances; calls under way, watches included, get the grace.
  'grpc.max_connection_age_ms': 30 * minuteMs,
  'grpc.max_connection_age_grace_ms': minuteMs,
  // Said because it must stay so: without channelz grpc-js 1.14 keeps no list of its connections, and
  // forceShutdown cuts none off.
  'grpc.enable_channelz': 1,
};
const drainTimeoutMs = 5_000;

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** `rollguard.v1.Query`, where roll runs. */
  readonly query?: Serving | undefined;
  /** `availabilityguard.v1.AvailabilityGuard`, where the guard runs. */
  readonly guard?: Serving | undefined;
  /** `rollguard.v1.Peer`, for the other instances. */
  readonly peer?: UntypedServiceImplementation | undefined;
  readonly clock: Clock;
}

export interface Serving {
  readonly implementation: UntypedServiceImplementation;
  readonly sources: readonly HealthSource[];
}

export interface GrpcServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** @throws CONFIG_INVALID when GRPC_PORT is taken. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { query, guard, peer, clock } = options;
  const server = new Server(limits);
  const services = new Map<string, readonly HealthSource[]>([
    ['', [...(query?.sources ?? []), ...(guard?.sources ?? [])]],
  ]);
  if (query !== undefined) {
    services.set(queryServiceName, query.sources);
    server.addService(queryDefinition, query.implementation);
  }
  if (guard !== undefined) {
    services.set(guardServiceName, guard.sources);
    server.addService(strictService(guardDefinition, guardOffered), guard.implementation);
  }
  if (peer !== undefined) server.addService(peerDefinition, peer);
  const health = healthService({ services, clock });
  server.addService(healthDefinition, health.implementation);
  new ReflectionService({
    ...healthOffered,
    ...(query === undefined ? {} : queryOffered),
    ...(guard === undefined ? {} : guardOffered),
  }).addToServer(server);
  const port = await listen(server, options);
  return {
    port,
    close: async () => {
      health.close();
      await shutDown(server, clock);
    },
  };
}

function listen(server: Server, { host, port }: GrpcServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, bound) => {
      if (cause === null) {
        resolve(bound);
        return;
      }
      const message = `cannot listen on ${host}:${port}; set GRPC_PORT to a free port`;
      reject(new RollguardError('CONFIG_INVALID', message, { cause }));
    });
  });
}

/** No new calls; those under way are answered, or cut off after a while. */
async function shutDown(server: Server, clock: Clock): Promise<void> {
  const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  if ((await settledWithin(clock, drainTimeoutMs, drained)) === late) server.forceShutdown();
}
