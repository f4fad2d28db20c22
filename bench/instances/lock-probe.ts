/** One caller of one partition: locks night after night, again with the same key until it is answered. */
import type { Clock } from '../../kernel/clock.ts';
import { dateOf } from '../guard/side.ts';
import type { RoomType } from '../guard/wishes.ts';

export interface Granted {
  /** Monotonic: when it was asked for first, and answered. */
  readonly askedMs: number;
  readonly grantedMs: number;
  readonly attempts: number;
}

export interface LockProbeOptions {
  readonly type: RoomType;
  /** Where to ask; another one at every attempt, perhaps. */
  readonly url: () => string | undefined;
  readonly clock: Clock;
}

const pauseMs = 20;
const againMs = 25;
const attemptTimeoutMs = 2_000;
/** Nights lie in the next years; a room each. */
const nightsMax = 700;

export class LockProbe {
  readonly type: RoomType;
  readonly grants: Granted[] = [];
  readonly #options: LockProbeOptions;
  #count = 0;
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(options: LockProbeOptions) {
    this.type = options.type;
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.#run();
  }

  /** Resolves when the last call is answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** The longest time without a grant between two moments, a call under way included. */
  longestPauseMs(fromMs: number, toMs: number): number {
    const times = this.grants
      .map(({ grantedMs }) => grantedMs)
      .filter((at) => at >= fromMs && at <= toMs);
    const marks = [fromMs, ...times, toMs];
    return Math.max(...marks.slice(1).map((at, index) => at - (marks[index] ?? at)));
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isStopped) {
      await this.#lockOnce();
      await clock.sleep(pauseMs);
    }
  }

  async #lockOnce(): Promise<void> {
    const { clock, type } = this.#options;
    this.#count += 1;
    const night = this.#count % nightsMax;
    const body = JSON.stringify({
      roomTypeId: type.roomTypeId,
      ...{ stayStart: dateOf(night), stayEnd: dateOf(night + 1), reason: 'BENCH' },
      ...{ idempotencyKey: `probe-${type.roomTypeId}-${this.#count}`, ttlSeconds: 60 },
    });
    const askedMs = clock.monotonicMs();
    for (let attempts = 1; ; attempts += 1) {
      if (await this.#isGranted(body)) {
        this.grants.push({ askedMs, grantedMs: clock.monotonicMs(), attempts });
        return;
      }
      await clock.sleep(againMs);
    }
  }

  async #isGranted(body: string): Promise<boolean> {
    const { type, url } = this.#options;
    try {
      const response = await fetch(`${url() ?? ''}/v1/locks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-tenant-id': type.tenantId },
        body,
        signal: AbortSignal.timeout(attemptTimeoutMs),
      });
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      return false;
    }
  }
}
