/**
 * Between one process and the cluster: every request and every answer takes its time, may be lost, or
 * may come after its sender has given it up; a process that is paused sends and hears nothing.
 */
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
  const { time, random, cluster, passage, sent } = options;
  const reach = (delayMs: number, reached: () => void): void => {
    time.after(delayMs, () => {
      process.wake(reached);
    });
  };
  return async <T>(kind: RequestKind, execute: () => T): Promise<T> => {
    await process.awake();
    const met = passage(kind);
    sent(kind, met);
    const arrive = (): T => {
      cluster.transactions.expire();
      return execute();
    };
    if (met.fault === 'ok' && met.requestDelayMs === 0 && met.answerDelayMs === 0) return arrive();
    return new Promise<T>((resolve, reject) => {
      const giveUp = (): void => {
        reach(random.next() < noticedAtOnce ? 1 : giveUpMs, () => reject(lost(kind)));
      };
      if (met.fault === 'lose-request') {
        giveUp();
        return;
      }
      const isLate = met.fault === 'deliver-late';
      if (isLate || met.fault === 'lose-answer') giveUp();
      time.after(isLate ? met.lateMs : met.requestDelayMs, () => {
        if (met.fault !== 'ok') {
          executeLate(arrive);
          return;
        }
        const answer = new Promise<T>((executed) => {
          executed(arrive());
        });
        // Whoever asked may be gone.
        answer.catch(() => undefined);
        reach(met.answerDelayMs, () => {
          resolve(answer);
        });
      });
    });
  };
}
