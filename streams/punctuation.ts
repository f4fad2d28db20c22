/** A task's schedules: which callbacks are due by stream time or by the wall clock. */
import type { Cancellable, MaybePromise, PunctuationType } from './processor.ts';

interface Schedule {
  readonly type: PunctuationType;
  readonly intervalMs: number;
  readonly punctuate: (timestampMs: number) => MaybePromise<void>;
  /** Undefined: stream time has not begun. */
  nextMs: number | undefined;
}

export class PunctuationQueue {
  #schedules: Schedule[] = [];

  add(schedule: Omit<Schedule, 'nextMs'>, nowMs: number): Cancellable {
    const entry: Schedule = {
      ...schedule,
      nextMs: schedule.type === 'wall-clock' ? nowMs + schedule.intervalMs : undefined,
    };
    this.#schedules.push(entry);
    return {
      cancel: () => {
        this.#schedules = this.#schedules.filter((each) => each !== entry);
      },
    };
  }

  /** The earliest wall-clock time something is due, if any. */
  nextWallClockMs(): number | undefined {
    const times = this.#schedules
      .filter((each) => each.type === 'wall-clock')
      .map((each) => each.nextMs ?? 0);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  isDue(type: PunctuationType, timeMs: number): boolean {
    return this.#schedules.some(
      (each) => each.type === type && (each.nextMs === undefined || each.nextMs <= timeMs),
    );
  }

  /** Runs what is due, each schedule once however far the time moved. */
  async run(type: PunctuationType, timeMs: number): Promise<void> {
    for (const schedule of [...this.#schedules]) {
      if (schedule.type !== type || !this.#schedules.includes(schedule)) continue;
      if (schedule.nextMs === undefined) {
        // The first record starts stream time; the first interval begins there.
        schedule.nextMs = timeMs + schedule.intervalMs;
      } else if (schedule.nextMs <= timeMs) {
        const missed = Math.floor((timeMs - schedule.nextMs) / schedule.intervalMs);
        schedule.nextMs += (missed + 1) * schedule.intervalMs;
        await schedule.punctuate(timeMs);
      }
    }
  }
}
