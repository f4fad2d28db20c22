/**
 * One instance under an even load for a long time, over a store that was lost and restored first: what its
 * memory does, as a slope, and whether it keeps up. Watched from outside, as the benches beside peers do.
 */
import { rmSync } from 'node:fs';
import { RollguardError } from '../../kernel/errors.ts';
import { createBenchTopics, type BenchBroker, type BenchContext } from '../bench-broker.ts';
import { openEvenLoad, type EvenLoad } from '../even-load.ts';
import { fillInput } from '../keyed-input.ts';
import { percentile, rounded } from '../measure.ts';
import {
  untilCommitted,
  watchCommitted,
  type CommittedRecords,
} from '../peers/committed-records.ts';
import type { PeerProcess } from '../peers/peer-process.ts';
import type { PeerSettings } from '../peers/peer-settings.ts';
import { emptyStateDir, provideSides, type Side } from '../peers/sides.ts';
import { slopeOf } from './slope.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly keys: number;
  readonly partitions: number;
  readonly perSecond: number;
  readonly cacheMb: number;
  readonly commitIntervalMs: number;
  /** Between two looks at the process. */
  readonly sampleMs: number;
  readonly context: BenchContext;
}

export interface SoakSample {
  /** Since the load began. */
  readonly seconds: number;
  readonly rssMb: number;
  /** Written and not yet committed. */
  readonly lag: number;
  readonly cpuSeconds: number;
}

export interface SoakReport {
  readonly samples: readonly SoakSample[];
  readonly records: number;
  readonly rssP50Mb: number;
  readonly rssMaxMb: number;
  /** Least squares over the samples behind the warm-up. */
  readonly slopeMbPerHour: number;
  readonly lagP99: number;
  readonly cpuMicros: number;
}

/** The heap's size follows the load within some minutes; that is no leak. */
export const warmUpShare = 0.2;
const fillTimeoutMs = 300_000;
const progressEvery = 6;
/** Of each partition: an hour's records do not all stay on the disk. */
const topicLimits = {
  'retention.bytes': String(256 * 1024 * 1024),
  'segment.bytes': String(64 * 1024 * 1024),
};

export async function runSoakBench(broker: BenchBroker, options: SoakOptions): Promise<SoakReport> {
  const { partitions, keys, cacheMb, commitIntervalMs, context } = options;
  const { sides } = await provideSides([], context);
  const [side] = sides as readonly [Side];
  const [input = '', output = ''] = await createBenchTopics(
    broker,
    ['soak-input', 'soak-output'],
    partitions,
    topicLimits,
  );
  const stateDir = emptyStateDir('soak');
  const settings: PeerSettings = {
    ...{ applicationId: 'soak', brokers: broker.brokers, input, output, partitions },
    ...{ stateDir, commitIntervalMs, cacheMb },
  };
  const committed = await watchCommitted(broker.brokers, 'soak', input);
  const soak = new Soak(options, { side, settings, committed });
  try {
    context.progress(`soak: a store of ${keys} keys`);
    await fillInput(broker, input, { records: keys, partitions, keyOf: (index) => index });
    await soak.fillStore();
    const load = await openEvenLoad({ ...options, broker, input });
    return await soak.run(load).finally(() => load.close());
  } finally {
    await committed.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

interface Parts {
  readonly side: Side;
  readonly settings: PeerSettings;
  readonly committed: CommittedRecords;
}

class Soak {
  readonly #options: SoakOptions;
  readonly #parts: Parts;

  constructor(options: SoakOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  async fillStore(): Promise<void> {
    const { keys, context } = this.#options;
    await this.#withProcess(async (process) => {
      await untilCommitted(this.#parts.committed, {
        ...{ records: keys, timeoutMs: fillTimeoutMs, context },
        assertAlive: () => void process.usage(),
        late: () => new RollguardError('KAFKA_TIMEOUT', 'the store was not filled in time'),
      });
      await process.stop();
    });
  }

  /** The store is lost first: memory that a restore leaves behind belongs to what is looked at. */
  async run(load: EvenLoad): Promise<SoakReport> {
    const { minutes, perSecond } = this.#options;
    emptyStateDir(this.#parts.settings.applicationId);
    return this.#withProcess(async (process) => {
      await process.ready();
      const records = Math.round(minutes * 60 * perSecond);
      const watch = new AbortController();
      const [samples] = await Promise.all([
        this.#watch(process, watch.signal),
        load.writeEvenly(records).finally(() => watch.abort()),
      ]);
      await process.stop();
      return report(samples, records);
    });
  }

  async #watch(process: PeerProcess, over: AbortSignal): Promise<readonly SoakSample[]> {
    const { keys, perSecond, sampleMs, context } = this.#options;
    const startedMs = context.clock.monotonicMs();
    const before = process.usage();
    const samples: SoakSample[] = [];
    while (!over.aborted) {
      await context.clock.sleep(sampleMs);
      const committed = (await this.#parts.committed.count()) - keys;
      const seconds = (context.clock.monotonicMs() - startedMs) / 1_000;
      const { rssMb, cpuSeconds } = process.usage();
      const lag = Math.max(0, Math.round(seconds * perSecond) - committed);
      samples.push({ seconds, rssMb, lag, cpuSeconds: cpuSeconds - before.cpuSeconds });
      if (samples.length % progressEvery === 0) {
        const at = `soak: ${Math.round(seconds / 60)} of ${this.#options.minutes} min`;
        context.progress(`${at}, RSS ${Math.round(rssMb)} MB, ${lag} records behind`);
      }
    }
    return samples;
  }

  async #withProcess<T>(use: (process: PeerProcess) => Promise<T>): Promise<T> {
    const process = this.#parts.side.start(this.#parts.settings);
    try {
      return await use(process);
    } finally {
      await process.end();
    }
  }
}

function report(samples: readonly SoakSample[], records: number): SoakReport {
  const counted = samples.slice(Math.floor(samples.length * warmUpShare));
  const rssMb = counted.map((sample) => sample.rssMb);
  const hours = counted.map(({ seconds }) => seconds / 3_600);
  return {
    ...{ samples, records },
    rssP50Mb: Math.round(percentile(rssMb, 50)),
    rssMaxMb: Math.round(Math.max(...samples.map((sample) => sample.rssMb))),
    slopeMbPerHour: rounded(slopeOf(hours, rssMb)),
    lagP99: percentile(
      counted.map(({ lag }) => lag),
      99,
    ),
    cpuMicros: rounded(((samples.at(-1)?.cpuSeconds ?? 0) * 1e6) / records),
  };
}
