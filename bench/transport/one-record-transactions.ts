/**
 * A transaction of one record to each of two topics, as a waiting call has it: produce, end. With
 * transaction version 1 the next transaction is primed while nobody waits, which is not timed; with
 * version 2 (`version-two-producer.ts`) there is nothing to prime.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProduceBatch } from '../../streams/kafka/port.ts';
import { percentile, rounded } from '../measure.ts';

export interface ShortTransactionProducer {
  produce(batches: readonly ProduceBatch[]): Promise<unknown>;
  commit(): Promise<void>;
  /** What is done while nobody waits. */
  prime?(batches: readonly ProduceBatch[]): Promise<void>;
}

export interface TransactionLoad {
  readonly transactions: number;
  /** Between the end of one and the next; 0: at once. */
  readonly gapMs: number;
  readonly batches: readonly ProduceBatch[];
  readonly signal: AbortSignal;
}

export interface TransactionFigures {
  readonly transactions: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
}

const warmUpTransactions = 50;

export async function timeTransactions(
  producer: ShortTransactionProducer,
  load: TransactionLoad,
): Promise<TransactionFigures> {
  const { batches, gapMs, transactions } = load;
  const latenciesMs: number[] = [];
  let startedMs = performance.now();
  for (let count = -warmUpTransactions; count < transactions; count += 1) {
    load.signal.throwIfAborted();
    if (count === 0) startedMs = performance.now();
    const beganMs = performance.now();
    await producer.produce(batches);
    await producer.commit();
    if (count >= 0) latenciesMs.push(performance.now() - beganMs);
    await producer.prime?.(batches);
    if (gapMs > 0) await sleep(gapMs);
  }
  return {
    transactions,
    perSecond: Math.round((transactions * 1_000) / (performance.now() - startedMs)),
    p50Ms: rounded(percentile(latenciesMs, 50)),
    p90Ms: rounded(percentile(latenciesMs, 90)),
    p99Ms: rounded(percentile(latenciesMs, 99)),
  };
}
