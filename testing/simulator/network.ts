/**
 * Between one process and the cluster: every request and every answer takes its time, may be lost, or
 * may come after its sender has given it up; a process that is paused sends and hears nothing.
 */
import { isRollguardError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { executeLate, lost, type Send } from '../in-process/in-process-client.ts';
import type { Fault, InProcessKafka, RequestKind } from '../in-process-kafka.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What one request meets. */
export interface Passage {
  readonly fault: Fault;
  /** When a request that is delivered late arrives, after its sending. */
  readonly lateMs: number;
  readonly requestDelayMs: number;
  readonly answerDelayMs: number;
}

export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly cluster: InProcessKafka;
  readonly passage: (kind: RequestKind) => Passage;
  /** Told of every request as it is sent. */
  readonly sent: (kind: RequestKind, passage: Passage) => void;
}

/** How long a client waits for an answer that does not come. */
const giveUpMs = 1_500;
/** A connection that breaks is noticed at once. */
const noticedAtOnce = 0.5;

export function simulatedSend(process: SimulatedProcess, options: NetworkOptions): Send {
  const network = new Network(process, options);
  return (kind, execute) =>
    process.isAwake
      ? network.send(kind, execute)
      : process.awake().then(() => network.send(kind, execute));
}

class Network {
  readonly #process: SimulatedProcess;
  readonly #options: NetworkOptions;

  constructor(process: SimulatedProcess, options: NetworkOptions) {
    this.#process = process;
    this.#options = options;
  }

  send<T>(kind: RequestKind, execute: () => T): Promise<T> {
    const met = this.#options.passage(kind);
    this.#options.sent(kind, met);
    const { fault, requestDelayMs, lateMs } = met;
    return new Promise<T>((resolve, reject) => {
      if (fault !== 'ok') {
        this.#giveUp(kind, reject);
        if (fault === 'lose-request') return;
        this.#options.time.after(fault === 'deliver-late' ? lateMs : requestDelayMs, () => {
          executeLate(() => this.#arrive(execute));
        });
      } else if (requestDelayMs === 0) this.#answer(execute, met, { resolve, reject });
      else {
        this.#options.time.after(requestDelayMs, () => {
          this.#answer(execute, met, { resolve, reject });
        });
      }
    });
  }

  #answer<T>(execute: () => T, { answerDelayMs }: Passage, { resolve, reject }: Asked<T>): void {
    try {
      const result = this.#arrive(execute);
      this.#reach(answerDelayMs, () => resolve(result));
    } catch (error) {
      if (!isRollguardError(error)) throw error;
      this.#reach(answerDelayMs, () => reject(error));
    }
  }

  #arrive<T>(execute: () => T): T {
    this.#options.cluster.transactions.expire();
    return execute();
  }

  #giveUp(kind: RequestKind, reject: (error: Error) => void): void {
    const noticedMs = this.#options.random.next() < noticedAtOnce ? 1 : giveUpMs;
    this.#reach(noticedMs, () => reject(lost(kind)));
  }

  #reach(delayMs: number, reached: () => void): void {
    if (delayMs === 0) this.#process.wake(reached);
    else this.#options.time.after(delayMs, () => this.#process.wake(reached));
  }
}

/** Whoever waits for an answer; may be gone by then. */
interface Asked<T> {
  readonly resolve: (result: T) => void;
  readonly reject: (error: Error) => void;
}
