/** Figures of one run, and of runs in pairs: what two sides do in turn, the same noise meets both. */

export interface Throughput {
  readonly records: number;
  readonly recordsPerSecond: number;
  /** CPU time of this process, all its threads, a record. */
  readonly cpuMicros: number;
}

/** @param run returns how many records it has handled. */
export async function measure(run: () => Promise<number>): Promise<Throughput> {
  const timer = startTimer();
  return timer.stop(await run());
}

export interface Timer {
  stop(records: number): Throughput;
}

export function startTimer(): Timer {
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  return {
    stop: (records) => {
      const elapsedMs = performance.now() - startedMs;
      const { user, system } = process.cpuUsage(cpuBefore);
      return {
        records,
        recordsPerSecond: Math.round((records * 1_000) / elapsedMs),
        cpuMicros: rounded((user + system) / records),
      };
    },
  };
}

export interface Comparison {
  readonly what: string;
  readonly runs: readonly { readonly side: string; readonly figures: Throughput }[];
  /** Medians over the pairs, first side to second. */
  readonly throughputRatio: number;
  readonly cpuRatio: number;
}

export interface ComparedSide {
  readonly name: string;
  run(): Promise<Throughput>;
}

export interface PairOptions {
  readonly what: string;
  readonly pairs: number;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Warms both sides up with a run each, then measures them in turn; every second pair begins with the other. */
export async function inPairs(
  sides: readonly [ComparedSide, ComparedSide],
  { what, pairs, progress, signal }: PairOptions,
): Promise<Comparison> {
  const runs: { side: string; figures: Throughput }[] = [];
  const ratios: { throughput: number; cpu: number }[] = [];
  for (const side of sides) await side.run();
  for (let pair = 0; pair < pairs; pair += 1) {
    const figures = new Map<ComparedSide, Throughput>();
    for (const side of pair % 2 === 0 ? sides : [...sides].reverse()) {
      signal.throwIfAborted();
      const measured = await side.run();
      figures.set(side, measured);
      runs.push({ side: side.name, figures: measured });
      const { recordsPerSecond, cpuMicros } = measured;
      progress(
        `${what}, ${side.name}: ${recordsPerSecond} records/s, ${cpuMicros} µs CPU a record`,
      );
    }
    const [ours, theirs] = sides.map((side) => figures.get(side) as Throughput);
    if (ours === undefined || theirs === undefined) continue;
    ratios.push({
      throughput: ours.recordsPerSecond / theirs.recordsPerSecond,
      cpu: ours.cpuMicros / theirs.cpuMicros,
    });
  }
  return {
    what,
    runs,
    throughputRatio: rounded(median(ratios.map(({ throughput }) => throughput))),
    cpuRatio: rounded(median(ratios.map(({ cpu }) => cpu))),
  };
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const at = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.max(0, at)] ?? 0;
}

export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
