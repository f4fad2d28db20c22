/** What exactly-once costs: the same topology on the same records with each guarantee in turn. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { KafkaStreams, type StreamsOptions } from '../../streams/index.ts';
import {
  benchPort,
  createBenchTopics,
  withBenchBroker,
  type BenchBroker,
  type BenchContext,
} from '../bench-broker.ts';
import { fillInput, keyChooser } from '../keyed-input.ts';
import { inPairs, startTimer, type Comparison, type Throughput } from '../measure.ts';
import { readModifyWrite, type BenchTopics } from '../read-modify-write.ts';

export interface EosBenchOptions {
  readonly records: number;
  readonly keys: number;
  readonly partitions: number;
  readonly commitIntervalMs: number;
  readonly pairs: number;
  readonly context: BenchContext;
}

type Guarantee = NonNullable<StreamsOptions['processingGuarantee']>;

const stateRoot = fileURLToPath(new URL('../../.rollguard/bench-eos', import.meta.url));
const runTimeoutMs = 120_000;
const pollIntervalMs = 2;
const seed = 6;

export function runEosBench(options: EosBenchOptions): Promise<Comparison> {
  return withBenchBroker(options.context, async (broker) => {
    const topics = { input: 'eos-input', output: 'eos-output' };
    await createBenchTopics(broker, Object.values(topics), options.partitions);
    options.context.progress(`eos: writing ${options.records} records`);
    await fillInput(broker, topics.input, {
      ...{ records: options.records, partitions: options.partitions },
      keyOf: keyChooser('uniform', options.keys, seed),
    });
    const side = (guarantee: Guarantee) => ({
      name: guarantee,
      run: () => runOnce({ broker, topics, guarantee }, options),
    });
    return inPairs([side('exactly-once'), side('at-least-once')], {
      ...{ what: 'read, modify, write', pairs: options.pairs },
      ...options.context,
    });
  });
}

interface Run {
  readonly broker: BenchBroker;
  readonly topics: BenchTopics;
  readonly guarantee: Guarantee;
}

let runs = 0;

/** A new application each time: empty stores, a new changelog, the input from its start. */
async function runOnce(
  { broker, topics, guarantee }: Run,
  { records, commitIntervalMs, context }: EosBenchOptions,
): Promise<Throughput> {
  runs += 1;
  const applicationId = `eos-${runs}`;
  const stateDir = path.join(stateRoot, applicationId);
  mkdirSync(stateDir, { recursive: true });
  const port = benchPort(context, { brokers: broker.brokers, clientId: applicationId });
  const committed = committedRecords();
  const streams = new KafkaStreams({
    ...{ topology: readModifyWrite(topics), port, stateDir, stateKind: 'rocksdb' },
    options: { applicationId, processingGuarantee: guarantee, commitIntervalMs },
    ...{ clock: context.clock, logger: silentLogger, metrics: committed.metrics },
  });
  // From the first commit on: starting, joining and making topics is not what is compared.
  streams.start();
  await until(() => committed.count > 0, streams, context);
  const before = committed.count;
  const timer = startTimer();
  await until(() => committed.count >= records, streams, context);
  const figures = timer.stop(committed.count - before);
  await streams.close();
  await port.close();
  rmSync(stateDir, { recursive: true, force: true });
  return figures;
}

async function until(
  isTrue: () => boolean,
  streams: KafkaStreams,
  { clock, signal }: BenchContext,
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + runTimeoutMs;
  while (!isTrue()) {
    signal.throwIfAborted();
    if (streams.status === 'error') throw streams.error as Error;
    if (clock.monotonicMs() > deadlineMs) {
      throw new RollguardError('KAFKA_UNAVAILABLE', `eos: not done: ${streams.notReady() ?? ''}`);
    }
    await clock.sleep(pollIntervalMs);
  }
}

function committedRecords(): { readonly metrics: Metrics; readonly count: number } {
  let count = 0;
  const metrics: Metrics = {
    ...noMetrics,
    counter: ({ name }) => ({
      add: (amount = 1) => {
        if (name === 'rollguard_streams_records_committed_total') count += amount;
      },
    }),
  };
  return {
    metrics,
    get count() {
      return count;
    },
  };
}
