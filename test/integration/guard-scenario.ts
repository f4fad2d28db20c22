/** The guard on the real stack with rooms of its own, callers that note every answer, and the verifier. */
import { systemClock } from '../../kernel/clock.ts';
import { verifyLocks } from '../../tools/faults/verify-locks.ts';
import { GuardCallers } from '../../tools/load/guard-callers.ts';
import type { Wish } from '../../tools/load/guard-window.ts';
import { lockMix, nightDate, type MixFigures } from '../../tools/load/lock-mix.ts';
import { createRooms, keyOf, type SampleType } from '../../tools/load/sample-rooms.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import type { LockVerifier } from '../../tools/verify/lock-verifier.ts';
import { GrpcWindow } from './grpc-window.ts';
import { inParallel } from './in-parallel.ts';
import { portOn } from './test-system.ts';

const waitMs = 60_000;
const callersAtOnce = 256;

export class GuardScenario {
  readonly system: System;
  readonly callers: GuardCallers;
  readonly #window: GrpcWindow;
  readonly #types: SampleType[] = [];
  readonly #options: SystemOptions;
  /** What callers were told that cannot be right, beside what the verifier finds. */
  readonly #lies: string[] = [];

  private constructor(system: System, options: SystemOptions) {
    this.system = system;
    this.#options = options;
    this.#window = new GrpcWindow(() => system.application.grpcAddress);
    this.callers = new GuardCallers(this.#window, systemClock);
  }

  static async start(options: SystemOptions): Promise<GuardScenario> {
    const system = await startSystem(options);
    const { signal } = options;
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs()), days: 1 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    await system.application.ready(signal);
    return new GuardScenario(system, options);
  }

  /** Types of so many rooms each, which the guard knows when this is done. */
  async types(count: number, roomCount: number): Promise<readonly SampleType[]> {
    const types: SampleType[] = [];
    for (let index = 0; index < count; index += 1) {
      types.push(
        await createRooms(this.system.stack.endpoints.platformAdminDatabaseUrl, roomCount),
      );
    }
    for (const type of types) await this.#captured(type);
    this.#types.push(...types);
    return types;
  }

  async stop(): Promise<void> {
    this.#window.close();
    await this.system.stop();
  }

  /**
   * Kills the application with SIGKILL and starts it again.
   * @returns when it served again.
   */
  async restart(downMs = 0): Promise<number> {
    await this.system.application.kill();
    await systemClock.sleep(downMs);
    this.system.startApplication();
    await this.system.application.ready(this.#options.signal);
    return systemClock.nowMs();
  }

  /** See `lockMix`. */
  mix(
    types: readonly SampleType[],
    options: { workers: number; seed: number; until: AbortSignal },
  ): Promise<MixFigures> {
    const lie = (violation: string): void => void this.#lies.push(violation);
    return lockMix({ callers: this.callers, types, clock: systemClock, lie, ...options });
  }

  /** Takes so many holds with a time to live. @returns when the last of them is due. */
  async takeBrief(
    types: readonly SampleType[],
    count: number,
    ttlSeconds: number,
  ): Promise<number> {
    const tag = systemClock.nowMs();
    const wishes = numbers(count).map((n) => ({
      ...wishFor(typeAt(types, n), `brief-${tag}-${n}`, Math.floor(n / 2_000)),
      ttlSeconds,
    }));
    await inParallel(wishes, callersAtOnce, (wish) => this.callers.lock(wish));
    return systemClock.nowMs() + ttlSeconds * 1_000;
  }

  /** Everything committed so far, and what all callers were answered. */
  verified(): Promise<LockVerifier> {
    const port = portOn(this.system.stack, 'guard-test');
    const { callers } = this;
    return verifyLocks({ port, types: this.#types, callers, lies: this.#lies }).finally(() =>
      port.close(),
    );
  }

  /** When none of these types has a live hold any more; gives up after a while. */
  async untilFree(types: readonly SampleType[]): Promise<LockVerifier> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const verifier = await this.verified();
      const isFree = types.every((type) => verifier.liveCount(keyOf(type)) === 0);
      if (isFree || systemClock.monotonicMs() > deadlineMs) return verifier;
      await systemClock.sleep(500);
    }
  }

  async #captured(type: SampleType): Promise<void> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    while ((await this.callers.capacity(type, nightDate(0))) !== type.roomIds.length) {
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('the rooms were not captured');
      await systemClock.sleep(250);
    }
  }
}

export function wishFor(type: SampleType, key: string, night: number, roomId?: string): Wish {
  const stay = { stayStart: nightDate(night), stayEnd: nightDate(night + 1) };
  return { type, key, ...stay, ...(roomId === undefined ? {} : { roomId }) };
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function typeAt(types: readonly SampleType[], index: number): SampleType {
  const type = types[index % types.length];
  if (type === undefined) throw new Error('there is a type');
  return type;
}
