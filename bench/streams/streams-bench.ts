/**
 * A stream application beside its peers: the same topology, records, broker and machine, each run a new
 * application in a process of its own. Measured from outside, for all in the same way: the first share
 * of the input is warm-up, the rest counts, up to the last record that the group's offsets commit.
 */
import { rmSync } from 'node:fs';
import { createBenchTopics, type BenchBroker, type BenchContext } from '../bench-broker.ts';
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
  /** Everyone works some records off before anything is measured. */
  readonly warmsBroker: boolean;
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
  /** Its time was over before its records were: the figures are those of the time it had. */
  readonly isCutOff: boolean;
}

type SideLatency = LatencyFigures & { readonly side: SideName };

interface StreamsRatio {
  readonly recordsPerSecond: number;
  readonly cpuPerRecord: number;
}

export interface StreamsBenchReport {
  readonly sides: readonly { readonly name: SideName; readonly about: string }[];
  readonly notRun: readonly NotRun[];
  readonly runs: readonly StreamsRun[];
  readonly latencies: readonly SideLatency[];
  /** Ours / JVM, median of the pairs; undefined when that peer did not run. */
  readonly ratio: StreamsRatio | undefined;
  readonly ratios: Readonly<Partial<Record<SideName, StreamsRatio>>>;
}

const warmUpShare = 0.3;
/** The broker is warmed by everyone's first records. */
const brokerWarmUpShare = 0.3;
const pollIntervalMs = 10;
const runMsMax = 300_000;
/** Waits for the broker at every write, and is slower by orders: it runs once, and not to its end. */
const slowSides: ReadonlySet<SideName> = new Set(['kafkats']);
const slowRunMsMax = 30_000;

export async function runStreamsBench(
  broker: BenchBroker,
  options: StreamsBenchOptions,
): Promise<StreamsBenchReport> {
  const { context, records, partitions } = options;
  const { sides, notRun } = await provideSides(options.peers, context);
  const [input = ''] = await createBenchTopics(broker, ['streams-input'], partitions);
  context.progress(`streams: writing ${records} records`);
  const keyOf = keyChooser(options.keysDistribution, options.keys);
  const expected = await fillInput(broker, input, { records, partitions, keyOf });
  const bench = new StreamsBench(options, { broker, input, expected });
  if (options.warmsBroker) await bench.warmBroker(sides);
  const runs = await bench.runPairs(sides);
  const latencies = await bench.runLatencies(sides, runs);
  const ratios = ratiosToPeers(runs, {
    recordsPerSecond: (run) => run.recordsPerSecond,
    cpuPerRecord: (run) => run.cpuMicros,
  });
  return {
    ...{ sides: sides.map(({ name, about }) => ({ name, about })), runs },
    notRun: [...notRun, ...latencies.notRun],
    latencies: latencies.figures,
    ...{ ratio: ratios.jvm, ratios },
  };
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

  async warmBroker(sides: readonly Side[]): Promise<void> {
    const records = this.#options.records * brokerWarmUpShare;
    for (const side of sides) {
      if (slowSides.has(side.name)) continue;
      await this.#withPeer(side, this.#feed.input, async (peer) => {
        await this.#committed(peer, { records, ms: runMsMax });
      });
    }
  }

  async runPairs(sides: readonly Side[]): Promise<readonly StreamsRun[]> {
    const { pairs, context } = this.#options;
    const runs: StreamsRun[] = [];
    for (let pair = 1; pair <= pairs; pair += 1) {
      const wanted = sides.filter(({ name }) => pair === 1 || !slowSides.has(name));
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

  /** Of each side that can keep up with the load. */
  async runLatencies(
    sides: readonly Side[],
    runs: readonly StreamsRun[],
  ): Promise<{ readonly figures: readonly SideLatency[]; readonly notRun: readonly NotRun[] }> {
    const { latencyRate } = this.#options;
    const figures: SideLatency[] = [];
    const notRun: NotRun[] = [];
    for (const side of this.#options.latencySeconds > 0 ? sides : []) {
      const { name } = side;
      const most = Math.max(
        ...runs.filter((run) => run.side === name).map((run) => run.recordsPerSecond),
      );
      if (most > latencyRate) figures.push({ side: name, ...(await this.#latency(side)) });
      else notRun.push({ side: name, why: `latency at ${latencyRate} records/s: it does ${most}` });
    }
    return { figures, notRun };
  }

  #latency(side: Side): Promise<LatencyFigures> {
    const { partitions, keys, latencyRate, latencySeconds, context } = this.#options;
    const input = `${this.#nextId(side)}-input`;
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
    const ms = slowSides.has(side.name) ? slowRunMsMax : runMsMax;
    return this.#withPeer(side, input, async (peer) => {
      const warmUp = { records: records * warmUpShare, ms: ms * warmUpShare };
      const before = await this.#committed(peer, warmUp);
      const after = await this.#committed(peer, { records, ms: ms * (1 - warmUpShare) });
      const { rssMb, peakRssMb } = peer.process.usage();
      await peer.process.stop();
      context.progress(`streams, ${side.name}: checking the output`);
      const isCutOff = after.records < records;
      const output = { topic: peer.settings.output, partitions };
      await checkOutput(broker, output, isCutOff ? undefined : expected);
      const measured = after.records - before.records;
      return {
        ...{ side: side.name, pair, records: measured },
        recordsPerSecond: Math.round((measured * 1_000) / (after.atMs - before.atMs)),
        cpuMicros: rounded(((after.cpuSeconds - before.cpuSeconds) * 1e6) / measured),
        ...{ rssMb: Math.round(rssMb), peakRssMb: Math.round(peakRssMb), isCutOff },
      };
    });
  }

  /** Once so many records are committed, or the time is over: how many, when, with how much CPU time. */
  async #committed({ process, committed }: Peer, limit: Limit): Promise<Progress> {
    const { clock, signal } = this.#options.context;
    const deadlineMs = clock.monotonicMs() + limit.ms;
    for (;;) {
      signal.throwIfAborted();
      const records = await committed.count();
      const atMs = clock.monotonicMs();
      const { cpuSeconds } = process.usage();
      if (records >= limit.records || atMs > deadlineMs) return { records, atMs, cpuSeconds };
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
    await createBenchTopics(broker, [input, output], partitions);
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

interface Limit {
  readonly records: number;
  readonly ms: number;
}

interface Progress {
  readonly records: number;
  readonly atMs: number;
  readonly cpuSeconds: number;
}

interface Peer {
  readonly process: PeerProcess;
  readonly committed: CommittedRecords;
  readonly settings: PeerSettings;
}
