/**
 * How long an application takes until its store serves again, from the start of its process: with the
 * state folder that an orderly stop left, and without it. Every key's value is in the changelog once.
 */
import { rmSync } from 'node:fs';
import { RollguardError } from '../../kernel/errors.ts';
import { createBenchTopics, type BenchBroker, type BenchContext } from '../bench-broker.ts';
import { fillInput, keyName } from '../keyed-input.ts';
import { rounded } from '../measure.ts';
import { untilCommitted, watchCommitted } from '../peers/committed-records.ts';
import type { PeerProcess } from '../peers/peer-process.ts';
import type { PeerSettings } from '../peers/peer-settings.ts';
import { ratiosToPeers } from '../peers/ratios.ts';
import { emptyStateDir, provideSides, stateDirOf } from '../peers/sides.ts';
import type { NotRun, PeerName, Side, SideName } from '../peers/sides.ts';

export interface RestoreBenchOptions {
  readonly keys: number;
  readonly partitions: number;
  readonly pairs: number;
  readonly peers: readonly PeerName[];
  readonly cacheMb: number;
  /** Between serving again and the second look at its memory. */
  readonly settleMs: number;
  readonly context: BenchContext;
}

export const stateKinds = ['kept', 'lost'] as const;
type StateKind = (typeof stateKinds)[number];

export interface RestoreRun {
  readonly side: SideName;
  readonly pair: number;
  readonly state: StateKind;
  /** From the start of the process until its store serves. */
  readonly seconds: number;
  readonly keysPerSecond: number;
  readonly cpuSeconds: number;
  /** Highest until its store served, and some seconds after that. */
  readonly peakRssMb: number;
  readonly rssAfterMb: number;
  readonly peakRssAfterMb: number;
  /** What the side itself says of its event loop; none of one without such a loop. */
  readonly figures: Readonly<Record<string, number>>;
}

type RestoreRatio = Readonly<Record<'seconds' | 'cpuSeconds', number>>;
type RestoreRatios = Readonly<Partial<Record<SideName, RestoreRatio>>>;

export interface RestoreBenchReport {
  readonly sides: readonly { readonly name: SideName; readonly about: string }[];
  readonly notRun: readonly NotRun[];
  readonly runs: readonly RestoreRun[];
  /** Ours / theirs, median of the pairs. */
  readonly ratios: Readonly<Record<StateKind, RestoreRatios>>;
}

const commitIntervalMs = 100;
const fillTimeoutMs = 300_000;
const askedKeys = 100;

export async function runRestoreBench(
  broker: BenchBroker,
  options: RestoreBenchOptions,
): Promise<RestoreBenchReport> {
  const { context, keys, partitions, pairs } = options;
  const { sides, notRun } = await provideSides(options.peers, context);
  const [input = ''] = await createBenchTopics(broker, ['restore-input'], partitions);
  context.progress(`restore: writing ${keys} keys`);
  await fillInput(broker, input, { records: keys, partitions, keyOf: (index) => index });
  const bench = new RestoreBench(options, broker, input);
  for (const side of sides) await bench.fillStore(side);
  const runs: RestoreRun[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    for (const side of pair % 2 === 1 ? sides : [...sides].reverse()) {
      for (const state of stateKinds) runs.push(await bench.run(side, pair, state));
    }
  }
  for (const side of sides) rmSync(bench.settings(side).stateDir, { recursive: true });
  const ratios = (state: StateKind): RestoreRatios =>
    ratiosToPeers(
      runs.filter((run) => run.state === state),
      { seconds: (run) => run.seconds, cpuSeconds: (run) => run.cpuSeconds },
    );
  return {
    ...{ sides: sides.map(({ name, about }) => ({ name, about })), notRun, runs },
    ratios: { kept: ratios('kept'), lost: ratios('lost') },
  };
}

class RestoreBench {
  readonly #options: RestoreBenchOptions;
  readonly #broker: BenchBroker;
  readonly #input: string;

  constructor(options: RestoreBenchOptions, broker: BenchBroker, input: string) {
    this.#options = options;
    this.#broker = broker;
    this.#input = input;
  }

  settings({ name }: Side): PeerSettings {
    const { partitions, cacheMb } = this.#options;
    const applicationId = `restore-${name}`;
    return {
      ...{ applicationId, brokers: this.#broker.brokers, partitions, commitIntervalMs, cacheMb },
      ...{
        input: this.#input,
        output: `${applicationId}-output`,
        stateDir: stateDirOf(applicationId),
      },
    };
  }

  /** Every key is written once, and the side stops in order. */
  async fillStore(side: Side): Promise<void> {
    const { keys, partitions, context } = this.#options;
    const settings = this.settings(side);
    emptyStateDir(settings.applicationId);
    await createBenchTopics(this.#broker, [settings.output], partitions);
    context.progress(`restore, ${side.name}: filling the store`);
    const { brokers } = this.#broker;
    const committed = await watchCommitted(brokers, settings.applicationId, this.#input);
    const process = side.start(settings);
    try {
      await untilCommitted(committed, {
        ...{ records: keys, timeoutMs: fillTimeoutMs, context },
        assertAlive: () => void process.usage(),
        late: () =>
          new RollguardError('KAFKA_TIMEOUT', `${side.name} did not fill its store in time`),
      });
      await process.stop();
    } finally {
      await process.end();
      await committed.close();
    }
  }

  async run(side: Side, pair: number, state: StateKind): Promise<RestoreRun> {
    const { keys, settleMs, context } = this.#options;
    const { clock, progress } = context;
    const settings = this.settings(side);
    if (state === 'lost') emptyStateDir(settings.applicationId);
    const startedMs = clock.monotonicMs();
    const process = side.start(settings);
    try {
      const figures = await process.ready();
      const seconds = rounded((clock.monotonicMs() - startedMs) / 1_000);
      const served = process.usage();
      await checkContent(process, keys);
      await clock.sleep(settleMs);
      const settled = process.usage();
      await process.stop();
      progress(`restore, ${side.name}, ${state}: ${seconds} s, ${Math.round(served.peakRssMb)} MB`);
      return {
        ...{ side: side.name, pair, state, seconds, figures },
        keysPerSecond: Math.round(keys / seconds),
        cpuSeconds: rounded(served.cpuSeconds),
        peakRssMb: Math.round(served.peakRssMb),
        rssAfterMb: Math.round(settled.rssMb),
        peakRssAfterMb: Math.round(settled.peakRssMb),
      };
    } finally {
      await process.end();
    }
  }
}

/** Keys from everywhere in the store, the last one too. @throws CHECK_FAILED */
async function checkContent(process: PeerProcess, keys: number): Promise<void> {
  const step = Math.max(1, Math.floor(keys / askedKeys));
  for (let key = keys - 1; key >= 0; key -= step) {
    const count = await process.count(keyName(key));
    if (count !== 1) {
      throw new RollguardError('CHECK_FAILED', `key ${key} was restored as ${count} instead of 1`);
    }
  }
}
