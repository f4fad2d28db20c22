/**
 * What goes on while parts fail: rows into the platform's tables, one workload after another, and callers
 * of the guard who want rooms of their own, each at whichever instance it comes upon.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import { GuardCallers } from '../load/guard-callers.ts';
import { HttpWindow, type Attempt, type Place } from '../load/http-window.ts';
import { lockMix, nightDate, type MixFigures } from '../load/lock-mix.ts';
import { createRooms, type SampleType } from '../load/sample-rooms.ts';
import type { Workload } from '../start/workload.ts';

const feedRetryMs = 500;
const betweenWorkloadsMs = 3_000;
const callers = { workers: 12, meanPauseMs: 150, briefTtlSeconds: 15 };
const rooms = { types: 8, each: 20 };
const capturedWithinMs = 90_000;
const pollMs = 250;
/** Who is patient hears what an instance says that stood still; who is not asks another one. */
const patienceMs = { patient: 30_000, other: 5_000 };

export interface CampaignLoadOptions {
  readonly seed: number;
  readonly databaseUrl: () => string;
  readonly place: (random: Random) => Place | undefined;
  /** The first, and those that follow it as long as parts fail. */
  readonly workload: Workload;
  readonly nextWorkload: (round: number) => Workload;
  /** True: the database may be killed below a feed. */
  readonly mayBeCutOff: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export class CampaignLoad {
  /** Everything they bring is in the tables. */
  readonly fed: Workload[] = [];
  /** Cut off somewhere, and unable to go on: nobody can say what must come of them. */
  readonly abandoned: Workload[] = [];
  readonly attempts: Attempt[] = [];
  readonly lies: string[] = [];
  readonly types: SampleType[] = [];
  readonly callers: GuardCallers;
  readonly #options: CampaignLoadOptions;
  readonly #window: HttpWindow;
  readonly #isOver = new AbortController();
  readonly #givenUp = new AbortController();
  /** Of the campaign, or given up. */
  readonly #signal: AbortSignal;
  #feeding: Promise<void> = Promise.resolve();
  #mixing: Promise<MixFigures> | undefined;

  constructor(options: CampaignLoadOptions) {
    this.#options = options;
    const { clock, seed, signal } = options;
    this.#signal = AbortSignal.any([signal, this.#givenUp.signal]);
    setMaxListeners(0, this.#signal);
    const random = seededRandom(seed);
    this.#window = new HttpWindow({
      clock,
      choose: () => options.place(random),
      timeoutMs: () => (random.next() < 0.5 ? patienceMs.patient : patienceMs.other),
      tried: (attempt) => void this.attempts.push(attempt),
    });
    this.callers = new GuardCallers(this.#window, clock, this.#signal);
  }

  /** @param first is written before anything else: the rooms stand in a property of it. */
  async start(first: Workload): Promise<void> {
    const { clock, seed, databaseUrl } = this.#options;
    await this.#feed(first);
    for (let index = 0; index < rooms.types; index += 1) {
      this.types.push(await createRooms(databaseUrl(), rooms.each));
    }
    for (const type of this.types) await this.#captured(type);
    const until = this.#isOver.signal;
    setMaxListeners(0, until);
    const lie = (violation: string): void => void this.lies.push(violation);
    const parts = { callers: this.callers, types: this.types, clock, lie, until };
    this.#mixing = lockMix({ ...parts, ...callers, seed });
    this.#feeding = this.#feedOn();
    this.#mixing.catch(() => undefined);
    this.#feeding.catch(() => undefined);
  }

  /** Whatever of it still goes on comes to nothing. */
  giveUp(): void {
    this.#isOver.abort();
    this.#givenUp.abort(new RollguardError('INTERRUPTED', 'the campaign is over'));
  }

  /** No more of it: what was begun is ended. @returns what the callers did. */
  async stop(): Promise<MixFigures | undefined> {
    this.#isOver.abort();
    const [figures] = await Promise.all([this.#mixing, this.#feeding]);
    return figures;
  }

  async #feedOn(): Promise<void> {
    const { clock, workload, nextWorkload, progress } = this.#options;
    await this.#feed(workload);
    progress(`faults: written: ${workload.description}`);
    const over = this.#isOver.signal;
    for (let round = 1; ; round += 1) {
      await clock.sleep(betweenWorkloadsMs, over);
      if (over.aborted) return;
      await this.#feed(nextWorkload(round));
    }
  }

  async #feed(workload: Workload): Promise<void> {
    const { clock, progress, mayBeCutOff, databaseUrl } = this.#options;
    const signal = this.#signal;
    for (;;) {
      try {
        const run = { databaseUrl: databaseUrl(), clock, signal, progress: () => undefined };
        await workload.feed(run);
        this.fed.push(workload);
        return;
      } catch (error) {
        if (signal.aborted || !mayBeCutOff) throw error;
        progress(`faults: the load was cut off (${messageOf(error)})`);
        await clock.sleep(feedRetryMs, signal);
        if (workload.isResumable) continue;
        this.abandoned.push(workload);
        return;
      }
    }
  }

  async #captured(type: SampleType): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#signal;
    const deadlineMs = clock.monotonicMs() + capturedWithinMs;
    for (;;) {
      const answer = await this.#window.capacity(type, nightDate(0));
      if (answer.kind === 'capacity' && answer.rooms === type.roomIds.length) return;
      signal.throwIfAborted();
      if (clock.monotonicMs() > deadlineMs) {
        throw new RollguardError('CHECK_FAILED', `no capacity: ${JSON.stringify(answer)}`);
      }
      await clock.sleep(pollMs, signal);
    }
  }
}
