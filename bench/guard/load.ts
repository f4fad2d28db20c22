/**
 * Loads: a number of callers that ask again when they are answered (closed), and arrivals at a fixed
 * rate that wait for nobody (open), whose latency counts from when they were due: a server that stalls
 * is charged for everyone who came meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { treeCpuSeconds } from '../../tools/start/process-usage.ts';
import type { Outcome, Side, Wish } from './side.ts';

export interface LoadOptions {
  readonly side: Side;
  readonly seconds: number;
  readonly wish: (index: number) => Wish;
  readonly signal: AbortSignal;
  /** After the load's end; a side that is later than this has failed. */
  readonly answersMaxMs?: number;
}

export interface LoadFigures {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Microseconds a call, by part; `load generator` is this process. */
  readonly cpuMicros: Readonly<Record<string, number>>;
}

const arrivalTickMs = 1;
/** Of a side that cannot keep up; who has to wait for his turn is charged from when he was due. */
const underWayMax = 1_000;
/** Longer than the deadline of a call. */
const answersMaxMsDefault = 30_000;

/** @throws DEADLINE_EXCEEDED when calls stay without an answer, as `openLoop` does. */
export async function closedLoop(callers: number, options: LoadOptions): Promise<LoadFigures> {
  const run = new Run(options);
  const asking = Array.from({ length: callers }, async () => {
    while (!run.isOver()) await run.ask(performance.now());
  });
  return run.figuresAfter(asking);
}

export async function openLoop(callsPerSecond: number, options: LoadOptions): Promise<LoadFigures> {
  const run = new Run(options);
  const startedMs = performance.now();
  const asked: Promise<void>[] = [];
  while (!run.isOver()) {
    const dueCount = ((performance.now() - startedMs) * callsPerSecond) / 1_000;
    while (asked.length < dueCount && run.underWay < underWayMax) {
      asked.push(run.ask(startedMs + (asked.length * 1_000) / callsPerSecond));
    }
    await sleep(arrivalTickMs);
  }
  return run.figuresAfter(asked);
}

class Run {
  readonly #options: LoadOptions;
  readonly #startedMs = performance.now();
  readonly #cpuBefore: ReadonlyMap<string, number>;
  readonly #latenciesMs: number[] = [];
  readonly #outcomes: Record<Outcome, number> = { LOCKED: 0, CONFLICT: 0, ERROR: 0 };
  #asked = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#cpuBefore = cpuOf(options.side);
  }

  /** Calls without an answer yet. */
  get underWay(): number {
    return this.#asked - this.#latenciesMs.length;
  }

  isOver(): boolean {
    const { seconds, signal } = this.#options;
    return signal.aborted || performance.now() - this.#startedMs >= seconds * 1_000;
  }

  async ask(dueMs: number): Promise<void> {
    const { side, wish } = this.#options;
    this.#asked += 1;
    const outcome = await side.ask(wish(this.#asked - 1));
    this.#latenciesMs.push(performance.now() - dueMs);
    this.#outcomes[outcome] += 1;
  }

  /** Once all are answered. */
  async figuresAfter(asking: readonly Promise<void>[]): Promise<LoadFigures> {
    const { side, seconds, answersMaxMs = answersMaxMsDefault } = this.#options;
    const untilEndMs = seconds * 1_000 - (performance.now() - this.#startedMs);
    const waitMs = Math.max(0, untilEndMs) + answersMaxMs;
    if ((await settledWithin(systemClock, waitMs, Promise.all(asking))) !== late) {
      return this.#figures();
    }
    const message = `${side.name}: ${this.underWay} of ${this.#asked} calls have no answer ${answersMaxMs} ms after the load's end`;
    throw new RollguardError('DEADLINE_EXCEEDED', message);
  }

  #figures(): LoadFigures {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const sorted = this.#latenciesMs.sort((left, right) => left - right);
    const at = (share: number): number =>
      rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    const calls = sorted.length;
    const cpuMicros = [...cpuOf(this.#options.side)].map(([part, cpuSeconds]) => {
      const spent = cpuSeconds - (this.#cpuBefore.get(part) ?? 0);
      return [part, Math.round((spent * 1e6) / Math.max(1, calls))] as const;
    });
    return {
      calls,
      callsPerSecond: Math.round(calls / seconds),
      ...{ p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) },
      outcomes: this.#outcomes,
      cpuMicros: Object.fromEntries(cpuMicros),
    };
  }
}

function cpuOf({ pids }: Side): ReadonlyMap<string, number> {
  const { user, system } = process.cpuUsage();
  return new Map([
    ...[...pids].map(([part, pid]) => [part, treeCpuSeconds(pid)] as const),
    ['load generator', (user + system) / 1e6] as const,
  ]);
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
