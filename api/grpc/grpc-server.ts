/**
 * The gRPC window: services, health (`grpc.health.v1`), reflection, limits. Every call is bounded in
 * size; stopping lets calls under way end, for a bounded time.
 */
import { fileURLToPath } from 'node:url';
import {
  Server,
  ServerCredentials,
  logVerbosity,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync, type PackageDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { HealthSource } from '../routes/health.ts';

// What goes wrong is thrown or answered; the library's own lines on stderr say it twice.
setLogVerbosity(logVerbosity.NONE);

const protoFolder = fileURLToPath(new URL('../../proto/', import.meta.url));
const requestBytesMax = 64 * 1024;
const answerBytesMax = 16 * 1024 * 1024;
const concurrentCallsMax = 1_000;
const connectionIdleMs = 10 * 60_000;
const healthIntervalMs = 250;
const drainTimeoutMs = 5_000;

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** `rollguard.v1.Query`. */
  readonly query: UntypedServiceImplementation;
  readonly sources: readonly HealthSource[];
  readonly clock: Clock;
}

export interface GrpcServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** The contract of the query service, for servers and clients in tests. */
export function queryPackage(): PackageDefinition {
  return loadSync('rollguard/v1/query.proto', {
    includeDirs: [protoFolder],
    longs: String,
    defaults: true,
    oneofs: true,
  });
}

export const queryServiceName = 'rollguard.v1.Query';

/** @throws CONFIG_INVALID when GRPC_PORT is taken. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': requestBytesMax,
    'grpc.max_send_message_length': answerBytesMax,
    'grpc.max_concurrent_streams': concurrentCallsMax,
    'grpc.max_connection_idle_ms': connectionIdleMs,
  });
  const definition = queryPackage();
  server.addService(definition[queryServiceName] as ServiceDefinition, options.query);
  new ReflectionService({ ...definition, ...loadSync(healthProto) }).addToServer(server);
  const stopHealth = serveHealth(server, options);
  try {
    const port = await listen(server, options);
    return {
      port,
      close: async () => {
        stopHealth();
        await shutDown(server, options.clock);
      },
    };
  } catch (error) {
    stopHealth();
    throw error;
  }
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

/** Tells watchers when readiness changes; the same readiness as over HTTP. */
function serveHealth(server: Server, { sources, clock }: GrpcServerOptions): () => void {
  const health = new HealthImplementation({ '': 'NOT_SERVING', [queryServiceName]: 'NOT_SERVING' });
  health.addToServer(server);
  const stop = new AbortController();
  let told: 'SERVING' | 'NOT_SERVING' = 'NOT_SERVING';
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const isReady = sources.every((source) => source.notReady() === undefined);
      const status = isReady ? 'SERVING' : 'NOT_SERVING';
      if (status !== told) {
        for (const name of ['', queryServiceName]) health.setStatus(name, status);
      }
      told = status;
      await clock.sleep(healthIntervalMs, stop.signal);
    }
  };
  void watch();
  return () => stop.abort();
}

async function shutDown(server: Server, clock: Clock): Promise<void> {
  const timer = new AbortController();
  const drained = new Promise<'drained'>((resolve) => server.tryShutdown(() => resolve('drained')));
  const late = clock.sleep(drainTimeoutMs, timer.signal).then(() => 'late' as const);
  if ((await Promise.race([drained, late])) === 'late') server.forceShutdown();
  timer.abort();
}
