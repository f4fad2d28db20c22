/**
 * A stream application beside its peers: the same topology, records, broker and machine, each run a new
 * application in a process of its own. Measured from outside, for all in the same way: the first share
 * of the input is warm-up, the rest counts, up to the last record that the group's offsets commit.
 */
import { rmSync } from 'node:fs';
import { RollguardError } from '../../kernel/errors.ts';
import { withBenchBroker, createBenchTopics } from '../bench-broker.ts';
import type { BenchBroker, BenchContext } from '../bench-broker.ts';
import { fillInput, keyChooser, type KeysDistribution } from '../keyed-input.ts';
import { rounded } from '../measure.ts';
import { checkOutput } from '../peers/check-output.ts';
import { watchCommitted, type CommittedRecords } from '../peers/committed-records.ts';
import type { PeerProcess } from '../peers/peer-process.ts';
import type { PeerSettings } from '../peers/peer-settings.ts';
import { ratiosToPeers } from '../peers/ratios.ts';
import { emptyStateDir, provideSides } from '../peers/sides.ts';
import type { NotRun, PeerName, Side, SideName } from '../peers/sides.ts';
import { measureLatency, type LatencyFigures } from './latency.ts';

export interface StreamsBenchOptions {
  readonly records: number;
  readonly keys: number;
  readonly keysDistribution: KeysDistribution;
  readonly partitions: number;
  readonly pairs: number;
  readonly peers: readonly PeerName[];
  readonly commitIntervalMs: number;
  readonly cacheMb: number;
  /** Of the gentle load for latencies; 0: none. */
  readonly latencySeconds: number;
  readonly latencyRate: number;
  readonly context: BenchContext;
}

export interface StreamsRun {
  readonly side: SideName;
  readonly pair: number;
  /** Measured ones, behind the warm-up. */
  readonly records: number;
  readonly recordsPerSecond: number;
  /** CPU time of the whole process, user and system, a record. */
  readonly cpuMicros: number;
  /** Once all is committed. */
  readonly rssMb: number;
  readonly peakRssMb: number;
}

interface StreamsRatio {
  readonly recordsPerSecond: number;
  readonly cpuPerRecord: number;
}

export interface StreamsBenchReport {
  readonly sides: readonly { readonly name: SideName; readonly about: string }[];
  readonly notRun: readonly NotRun[];
  readonly runs: readonly StreamsRun[];
  readonly latencies: readonly (LatencyFigures & { readonly side: SideName })[];
  /** Ours / JVM, median of the pairs; undefined when that peer did not run. */
  readonly ratio: StreamsRatio | undefined;
  readonly ratios: Readonly<Partial<Record<SideName, StreamsRatio>>>;
}

const warmUpShare = 0.3;
/** The broker is warmed by everyone's first records. */
const brokerWarmUpShare = 0.1;
const pollIntervalMs = 10;
const runTimeoutMs = 300_000;
/** What is far slower than the others would only make everyone wait again. */
const runsOnce: ReadonlySet<SideName> = new Set(['kafkats']);

export function runStreamsBench(options: StreamsBenchOptions): Promise<StreamsBenchReport> {
  return withBenchBroker(options.context, async (broker) => {
    const { context, records, partitions } = options;
    const { sides, notRun } = await provideSides(options.peers, context);
    const [input = ''] = await createBenchTopics(broker, ['streams-input'], partitions);
    context.progress(`streams: writing ${records} records`);
    const keyOf = keyChooser(options.keysDistribution, options.keys);
    const expected = await fillInput(broker, input, { records, partitions, keyOf });
    const bench = new StreamsBench(options, { broker, input, expected });
    const runs = await bench.runPairs(sides);
    const latencies = [];
    for (const side of options.latencySeconds > 0 ? sides : []) {
      latencies.push({ side: side.name, ...(await bench.latency(side)) });
    }
    const ratios = ratiosToPeers(runs, {
      recordsPerSecond: (run) => run.recordsPerSecond,
      cpuPerRecord: (run) => run.cpuMicros,
    });
    return {
      ...{ sides: sides.map(({ name, about }) => ({ name, about })), notRun, runs, latencies },
      ...{ ratio: ratios.jvm, ratios },
    };
  });
}

interface Feed {
  readonly broker: BenchBroker;
  readonly input: string;
  /** How often each key is in the input. */
  readonly expected: readonly number[];
}

class StreamsBench {
  readonly #options: StreamsBenchOptions;
  readonly #feed: Feed;
  #applications = 0;

  constructor(options: StreamsBenchOptions, feed: Feed) {
    this.#options = options;
    this.#feed = feed;
  }

  async runPairs(sides: readonly Side[]): Promise<readonly StreamsRun[]> {
    const { pairs, context, records } = this.#options;
    const runs: StreamsRun[] = [];
    for (const side of sides) {
      await this.#withPeer(side, this.#feed.input, async (peer) => {
        await this.#committed(peer, records * brokerWarmUpShare);
      });
    }
    for (let pair = 1; pair <= pairs; pair += 1) {
      const wanted = sides.filter(({ name }) => pair === 1 || !runsOnce.has(name));
      for (const side of pair % 2 === 1 ? wanted : [...wanted].reverse()) {
        const run = await this.#run(side, pair);
        runs.push(run);
        context.progress(
          `streams, ${side.name}: ${run.recordsPerSecond} records/s, ${run.cpuMicros} µs CPU a record`,
        );
      }
    }
    return runs;
  }

  async latency(side: Side): Promise<LatencyFigures> {
    const { partitions, keys, latencyRate, latencySeconds, context } = this.#options;
    const input = `${this.#nextId(side)}-input`;
    await createBenchTopics(this.#feed.broker, [input], partitions);
    context.progress(`streams, ${side.name}: ${latencyRate} records/s, ${latencySeconds} s`);
    return this.#withPeer(side, input, async ({ process, settings }) => {
      await process.ready();
      return measureLatency({
        ...{ broker: this.#feed.broker, input, output: settings.output, partitions, keys },
        ...{ perSecond: latencyRate, seconds: latencySeconds, context },
        assertAlive: () => void process.usage(),
      });
    });
  }

  #run(side: Side, pair: number): Promise<StreamsRun> {
    const { records, partitions, context } = this.#options;
    const { broker, input, expected } = this.#feed;
    return this.#withPeer(side, input, async (peer) => {
      const before = await this.#committed(peer, records * warmUpShare);
      const after = await this.#committed(peer, records);
      const { rssMb, peakRssMb } = peer.process.usage();
      await peer.process.stop();
      context.progress(`streams, ${side.name}: checking the output`);
      await checkOutput(broker, { topic: peer.settings.output, partitions }, expected);
      const measured = after.records - before.records;
      return {
        ...{ side: side.name, pair, records: measured },
        recordsPerSecond: Math.round((measured * 1_000) / (after.atMs - before.atMs)),
        cpuMicros: rounded(((after.cpuSeconds - before.cpuSeconds) * 1e6) / measured),
        ...{ rssMb: Math.round(rssMb), peakRssMb: Math.round(peakRssMb) },
      };
    });
  }

  /** Once so many records are committed: how many, when, and what CPU time that took since the start. */
  async #committed(
    { process, committed, settings }: Peer,
    wanted: number,
  ): Promise<{ readonly records: number; readonly atMs: number; readonly cpuSeconds: number }> {
    const { clock, signal } = this.#options.context;
    const deadlineMs = clock.monotonicMs() + runTimeoutMs;
    for (;;) {
      signal.throwIfAborted();
      const records = await committed.count();
      const atMs = clock.monotonicMs();
      const { cpuSeconds } = process.usage();
      if (records >= wanted) return { records, atMs, cpuSeconds };
      if (atMs > deadlineMs) {
        const message = `${settings.applicationId} committed ${records} of ${wanted} records in time`;
        throw new RollguardError('KAFKA_TIMEOUT', message);
      }
      await clock.sleep(pollIntervalMs);
    }
  }

  #nextId(side: Side): string {
    this.#applications += 1;
    return `streams-${side.name}-${this.#applications}`;
  }

  /** A new application with an output of its own; nothing of it stays. */
  async #withPeer<T>(side: Side, input: string, use: (peer: Peer) => Promise<T>): Promise<T> {
    const { partitions, commitIntervalMs, cacheMb } = this.#options;
    const { broker } = this.#feed;
    const applicationId = this.#nextId(side);
    const output = `${applicationId}-output`;
    await createBenchTopics(broker, [output], partitions);
    const settings = {
      ...{ applicationId, brokers: broker.brokers, input, output, partitions },
      ...{ stateDir: emptyStateDir(applicationId), commitIntervalMs, cacheMb },
    };
    const process = side.start(settings);
    const committed = await watchCommitted(broker.brokers, applicationId, input);
    try {
      return await use({ process, committed, settings });
    } finally {
      await process.end();
      await committed.close();
      rmSync(settings.stateDir, { recursive: true, force: true });
      await broker.port.admin.deleteTopics([output]);
    }
  }
}

interface Peer {
  readonly process: PeerProcess;
  readonly committed: CommittedRecords;
  readonly settings: PeerSettings;
}
