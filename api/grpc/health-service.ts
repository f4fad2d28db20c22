/**
 * `grpc.health.v1.Health`: the same readiness as `/health/readiness`, by service. Watchers are told
 * within a quarter of a second, and let go when the instance stops: they would hold it otherwise.
 */
import {
  status,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import type { HealthSource } from '../routes/health.ts';

const pollIntervalMs = 250;

type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

interface Asked {
  readonly service: string;
}
interface Told {
  readonly status: ServingStatus;
}

export interface HealthServiceOptions {
  /** By service name: what must be ready for it to serve. */
  readonly services: ReadonlyMap<string, readonly HealthSource[]>;
  readonly clock: Clock;
}

export interface HealthService {
  readonly implementation: UntypedServiceImplementation;
  /** From now on nothing serves; watchers are told so and their calls end. */
  close(): void;
}

export function healthService({ services, clock }: HealthServiceOptions): HealthService {
  const stop = new AbortController();
  const statusOf = (service: string): ServingStatus => {
    const sources = services.get(service);
    if (sources === undefined) return 'SERVICE_UNKNOWN';
    const isReady = sources.every((source) => source.notReady() === undefined);
    return isReady && !stop.signal.aborted ? 'SERVING' : 'NOT_SERVING';
  };
  const check = (call: ServerUnaryCall<Asked, Told>, callback: sendUnaryData<Told>): void => {
    const found = statusOf(call.request.service);
    if (found !== 'SERVICE_UNKNOWN') callback(null, { status: found });
    else callback({ code: status.NOT_FOUND, details: 'this instance has no such service' });
  };
  const watch = async (call: ServerWritableStream<Asked, Told>): Promise<void> => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stop.signal]);
    let told: ServingStatus | undefined;
    const tell = (): void => {
      const now = statusOf(call.request.service);
      if (now !== told) call.write({ status: now });
      told = now;
    };
    while (!signal.aborted) {
      tell();
      await clock.sleep(pollIntervalMs, signal);
    }
    if (gone.signal.aborted) return;
    tell();
    call.end();
  };
  return {
    implementation: {
      Check: check,
      Watch: (call: ServerWritableStream<Asked, Told>) => void watch(call),
    },
    close: () => stop.abort(),
  };
}
