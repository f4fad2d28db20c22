/** What many callers do to a few rooms at once: take, change, release, ask once more. */
import type { Clock } from '../../kernel/clock.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import type { GuardCallers } from './guard-callers.ts';
import type { Wish } from './guard-window.ts';
import type { SampleType } from './sample-rooms.ts';

const groupNights = 5;

export interface MixFigures {
  locks: number;
  changes: number;
  releases: number;
  repeats: number;
  conflicts: number;
}

export interface MixOptions {
  readonly callers: GuardCallers;
  readonly types: readonly SampleType[];
  readonly workers: number;
  readonly seed: number;
  readonly until: AbortSignal;
  readonly clock: Clock;
  /** Of a worker between two calls, on average; without it none. */
  readonly meanPauseMs?: number;
  /** One lock in ten is for so long only, and nobody cares for it any more; without it none is. */
  readonly briefTtlSeconds?: number;
  /** What callers were told that cannot be right, beside what the verifier finds. */
  readonly lie: (violation: string) => void;
}

/**
 * 70 % locks, 20 % releases, 10 % changes by each of the workers, on five nights of each type, rooms and
 * types mixed, until the signal aborts. Some ask once more what they were granted.
 */
export async function lockMix(options: MixOptions): Promise<MixFigures> {
  const figures = { locks: 0, changes: 0, releases: 0, repeats: 0, conflicts: 0 };
  const workers = Array.from({ length: options.workers }, (_, name) =>
    new Worker(options, name, figures).work(),
  );
  await Promise.all(workers);
  return figures;
}

class Worker {
  readonly #options: MixOptions;
  readonly #name: number;
  readonly #figures: MixFigures;
  readonly #random: Random;
  readonly #own: Wish[] = [];

  constructor(options: MixOptions, name: number, figures: MixFigures) {
    this.#options = options;
    this.#name = name;
    this.#figures = figures;
    this.#random = seededRandom(options.seed + name);
  }

  async work(): Promise<void> {
    const { until, clock, meanPauseMs = 0 } = this.#options;
    for (let round = 0; !until.aborted; round += 1) {
      await this.#round(round);
      if (meanPauseMs > 0) await clock.sleep(2 * meanPauseMs * this.#random.next(), until);
    }
  }

  async #round(round: number): Promise<void> {
    const { callers, types, seed, lie, briefTtlSeconds: ttlSeconds } = this.#options;
    const [random, own, figures] = [this.#random, this.#own, this.#figures];
    const drawn = random.next();
    const at = random.integer(Math.max(1, own.length));
    const mine = own[at];
    if (drawn < 0.7 || mine === undefined) {
      const wish = drawWish(types, random, `mix-${seed}-${this.#name}-${round}`);
      figures.locks += 1;
      if (ttlSeconds !== undefined && random.next() < 0.1) {
        await callers.lock({ ...wish, ttlSeconds });
        return;
      }
      if ((await callers.lock(wish)) === 'LOCKED') own.push(wish);
      else figures.conflicts += 1;
      if (own.includes(wish) && random.next() < 0.2) await this.#repeat(wish);
    } else if (drawn < 0.9) {
      figures.releases += 1;
      own.splice(at, 1);
      if (!(await callers.release(mine.type, mine.key))) {
        lie(`V2: ${mine.key} was granted ${nameOf(callers.lastGrant(mine.key))}, which is unknown`);
      }
    } else {
      figures.changes += 1;
      own[at] = (await this.#change(mine)) ?? mine;
    }
  }

  /** V5: the same hold again, as it is. */
  async #repeat(wish: Wish): Promise<void> {
    const { callers, lie } = this.#options;
    const before = callers.lastGrant(wish.key);
    this.#figures.repeats += 1;
    const outcome = await callers.lock(wish);
    const after = callers.lastGrant(wish.key);
    if (
      outcome === 'LOCKED' &&
      before?.lockId === after?.lockId &&
      before?.version === after?.version
    )
      return;
    lie(`V5: ${wish.key} was granted ${nameOf(before)}, then ${outcome} ${nameOf(after)}`);
  }

  /** In place, half of them with the version; a stale one must be refused. */
  async #change(mine: Wish): Promise<Wish | undefined> {
    const { callers, lie } = this.#options;
    const random = this.#random;
    const grant = callers.lastGrant(mine.key);
    const drawn = drawWish([mine.type], random, mine.key);
    const version = grant?.version ?? 0;
    const isStale = random.next() < 0.2;
    const isNamed = isStale || random.next() < 0.5;
    const named = isNamed ? { version: isStale ? version - 1 : version } : {};
    const isSame = drawn.stayStart === mine.stayStart && drawn.stayEnd === mine.stayEnd;
    if (isSame) return undefined;
    const outcome = await callers.lock({ ...drawn, ...named });
    if (outcome === 'CONFLICT') this.#figures.conflicts += 1;
    if (isStale && outcome === 'LOCKED' && callers.lastGrant(mine.key)?.version !== version) {
      lie(`V4: ${mine.key} was changed by one that knew version ${version - 1}`);
    }
    return outcome === 'LOCKED' && !isStale ? drawn : undefined;
  }
}

/** The date so many nights after the first of those that are asked for. */
export function nightDate(night: number): string {
  return new Date(Date.UTC(2031, 4, 1 + night)).toISOString().slice(0, 10);
}

function drawWish(types: readonly SampleType[], random: Random, key: string): Wish {
  const type = types[random.integer(types.length)];
  if (type === undefined) throw new Error('there is a type');
  const night = random.integer(groupNights);
  const last = Math.min(groupNights, night + 1 + random.integer(3));
  const roomId = type.roomIds[random.integer(type.roomIds.length)] ?? '';
  const stay = { stayStart: nightDate(night), stayEnd: nightDate(last) };
  return { type, key, ...stay, ...(random.next() < 0.7 ? { roomId } : {}) };
}

function nameOf(grant: { readonly lockId: string; readonly version: number } | undefined): string {
  return `${String(grant?.lockId)} at ${String(grant?.version)}`;
}
