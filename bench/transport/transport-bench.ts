/** The engine's transport beside kafkajs on one broker: producing, consuming, one-record transactions. */
import {
  createBenchTopics,
  withBenchBroker,
  type BenchBroker,
  type BenchContext,
} from '../bench-broker.ts';
import { inPairs, type Comparison } from '../measure.ts';
import { consumeSides, fillTopic } from './consume-sides.ts';
import {
  timeTransactions,
  type ShortTransactionProducer,
  type TransactionFigures,
} from './one-record-transactions.ts';
import { benchRecords, openProduceSides } from './produce-sides.ts';
import { VersionTwoProducer } from './version-two-producer.ts';

export const transportParts = ['produce', 'consume', 'transactions'] as const;
export type TransportPart = (typeof transportParts)[number];

export interface TransportBenchOptions {
  readonly parts: readonly TransportPart[];
  readonly pairs: number;
  readonly consumeRecords: number;
  readonly produceTransactions: number;
  readonly transactions: number;
  readonly gapsMs: readonly number[];
  readonly context: BenchContext;
}

export interface TransactionRun extends TransactionFigures {
  readonly version: 1 | 2;
  readonly gapMs: number;
}

export interface TransportBenchReport {
  readonly comparisons: readonly Comparison[];
  readonly transactions: readonly TransactionRun[];
}

const recordsPerBatch = 1_000;
const callsPerTransaction = 10;
const consumePartitions = 4;
const transactionTimeoutMs = 60_000;

export function runTransportBench(options: TransportBenchOptions): Promise<TransportBenchReport> {
  return withBenchBroker(options.context, async (broker) => {
    const comparisons: Comparison[] = [];
    if (options.parts.includes('produce')) comparisons.push(await produce(broker, options));
    if (options.parts.includes('consume')) comparisons.push(await consume(broker, options));
    const isWanted = options.parts.includes('transactions');
    const transactions = isWanted ? await shortTransactions(broker, options) : [];
    return { comparisons, transactions };
  });
}

async function produce(broker: BenchBroker, options: TransportBenchOptions): Promise<Comparison> {
  const topics = await createBenchTopics(broker, ['produce-a', 'produce-b'], 1);
  const { produceTransactions: transactions, pairs } = options;
  const load = { topics, recordsPerBatch, callsPerTransaction, transactions };
  const produceSides = await openProduceSides(broker, load);
  const comparison = await inPairs(produceSides.sides, {
    what: 'produce',
    pairs,
    ...options.context,
  });
  await produceSides.close();
  return comparison;
}

async function consume(broker: BenchBroker, options: TransportBenchOptions): Promise<Comparison> {
  const [topic = ''] = await createBenchTopics(broker, ['consume'], consumePartitions);
  const { consumeRecords: records, pairs, context } = options;
  const load = { topic, partitions: consumePartitions, records };
  context.progress(`consume: writing ${records} records`);
  await fillTopic(broker, load);
  return inPairs(consumeSides(broker, load), { what: 'consume', pairs, ...context });
}

async function shortTransactions(
  broker: BenchBroker,
  options: TransportBenchOptions,
): Promise<readonly TransactionRun[]> {
  const topics = await createBenchTopics(broker, ['short-a', 'short-b'], 1);
  const batches = topics.map((topic) => ({ topic, partition: 0, records: benchRecords(1) }));
  const { transactions, gapsMs, pairs, context } = options;
  const { clock, signal, progress } = context;
  const first = await broker.port.openProducer({
    ...{ transactionalId: 'bench-v1', transactionTimeoutMs },
  });
  const second = await VersionTwoProducer.open(broker.brokers[0] ?? '', clock);
  const primed: ShortTransactionProducer = {
    produce: (each) => first.produce(each),
    commit: () => first.commit(),
    prime: (each) => first.addPartitions(each),
  };
  const sides = [
    { version: 1, producer: primed },
    { version: 2, producer: second },
  ] as const;
  const runs: TransactionRun[] = [];
  for (const gapMs of gapsMs) {
    for (let pair = 0; pair < pairs; pair += 1) {
      for (const { version, producer } of pair % 2 === 0 ? sides : [...sides].reverse()) {
        const load = { transactions, gapMs, batches, signal };
        const figures = await timeTransactions(producer, load);
        runs.push({ version, gapMs, ...figures });
        progress(
          `transactions, version ${version}, ${gapMs} ms apart: p50 ${figures.p50Ms}, p99 ${figures.p99Ms} ms`,
        );
      }
    }
  }
  await first.close();
  await second.close();
  return runs;
}
