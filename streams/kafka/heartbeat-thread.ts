/**
 * Heartbeats that survive a busy event loop (ADR 0012): a thread of its own watches the members of one
 * port by memory it shares with them, and heartbeats in their place while the main thread computes or
 * collects garbage. It begins with the first join; without it members live as long as they are heard of.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../kernel/logger.ts';
import type { HeartbeatWorkerData } from './heartbeat-worker.ts';
import type { KeepAlive, KeepAliveTimes } from './keep-alive.ts';
import { SignsOfLife } from './signs-of-life.ts';
import type { WatchedMembership } from './stand-in.ts';

export interface HeartbeatThreadOptions {
  readonly data: HeartbeatWorkerData;
  readonly logger: Logger;
  /** What the thread runs; a test has it fail. */
  readonly entry?: URL;
}

// It holds little more than its code; V8's flags of the process would give it the main thread's sizes.
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 };

export class HeartbeatThread {
  readonly #options: HeartbeatThreadOptions;
  /** Undefined: not yet, or no longer. */
  #worker: Worker | undefined;
  #isOver = false;

  constructor(options: HeartbeatThreadOptions) {
    this.#options = options;
  }

  /** For one member. */
  keepAlive(times: KeepAliveTimes): KeepAlive {
    const signs = new SignsOfLife();
    return {
      joined: (generation) => {
        const membership = signs.begin();
        const { memory } = signs;
        this.#watch({ ...generation, ...times, membership, memory });
      },
      beat: () => signs.beat(),
      left: () => signs.end(),
    };
  }

  /** Ends the thread, whatever it does; idempotent. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#worker?.terminate();
  }

  #watch(watched: WatchedMembership): void {
    if (this.#isOver) return;
    this.#worker ??= this.#start();
    this.#worker?.postMessage(watched);
  }

  #start(): Worker | undefined {
    const { data, entry = new URL('heartbeat-worker.mjs', import.meta.url) } = this.#options;
    try {
      // The flags of the process are not the thread's: it loads TypeScript by itself.
      const worker = new Worker(entry, { workerData: data, execArgv: [], resourceLimits });
      worker.on('error', (error) => this.#giveUp(error));
      worker.unref();
      return worker;
    } catch (error) {
      this.#giveUp(error);
      return undefined;
    }
  }

  #giveUp(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const message = 'no heartbeat thread: a busy main thread will lose its place in the group';
    this.#options.logger.warn(message, { error });
  }
}
