/** Callers of the guard that note what they were answered, and ask again with their key until they know. */
import type { Clock } from '../../kernel/clock.ts';
import type { NotedConflict, NotedGrant } from '../verify/lock-verifier.ts';
import type { Again, GuardWindow, Wish } from './guard-window.ts';
import { keyOf, type SampleType } from './sample-rooms.ts';

/** ENDED: LOCKED, of a hold that has ended before the answer came. */
export type Outcome = 'LOCKED' | 'ENDED' | 'CONFLICT' | `REFUSED ${string}`;

const againMs = 200;
// More than the longest time without an owner that a test makes, on a busy machine.
const attemptsMax = 1_000;

export class GuardCallers {
  readonly grants: NotedGrant[] = [];
  readonly conflicts: NotedConflict[] = [];
  /** Lock ids of holds that were answered RELEASED. */
  readonly releases: string[] = [];
  readonly #lastGrants = new Map<string, NotedGrant>();
  readonly #window: GuardWindow;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;

  /** @param signal gives up what is not answered yet. */
  constructor(window: GuardWindow, clock: Clock, signal?: AbortSignal) {
    this.#window = window;
    this.#clock = clock;
    this.#signal = signal;
  }

  async lock(wish: Wish): Promise<Outcome> {
    const { key, type } = wish;
    const askedAtMs = this.#clock.nowMs();
    const answer = await this.#ask(() => this.#window.lock(wish));
    switch (answer.kind) {
      case 'locked': {
        const { lockId, version, hasEnded } = answer;
        this.#note({ key, lockId, version, hasEnded });
        return hasEnded ? 'ENDED' : 'LOCKED';
      }
      case 'conflict': {
        const { reason, blockingLockId, nights } = answer;
        this.conflicts.push({
          ...{ key, partitionKey: keyOf(type), reason, blockingLockId, nights },
          ...{ askedAtMs, answeredAtMs: this.#clock.nowMs() },
        });
        return 'CONFLICT';
      }
      default:
        return `REFUSED ${answer.why}`;
    }
  }

  /** What a key was granted last. */
  lastGrant(key: string): NotedGrant | undefined {
    return this.#lastGrants.get(key);
  }

  /** Releases the hold that a key was granted last. @returns false when nobody knows it. */
  async release(type: SampleType, key: string): Promise<boolean> {
    const grant = this.lastGrant(key);
    if (grant === undefined) return false;
    const answer = await this.#ask(() => this.#window.release(type, grant.lockId));
    if (answer.kind === 'released') this.releases.push(grant.lockId);
    return answer.kind !== 'refused' || answer.code !== 'NOT_FOUND';
  }

  /** Rooms that can be sold on a night; undefined while that is not known. */
  async capacity(type: SampleType, night: string): Promise<number | undefined> {
    const answer = await this.#ask(() => this.#window.capacity(type, night));
    if (answer.kind !== 'capacity') throw new Error(answer.why);
    return answer.rooms;
  }

  #note(grant: NotedGrant): void {
    this.grants.push(grant);
    this.#lastGrants.set(grant.key, grant);
  }

  async #ask<Answer extends { readonly kind: string }>(
    ask: () => Promise<Answer | Again>,
  ): Promise<Answer | Again> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await ask();
      if (answer.kind !== 'again' || attempt === attemptsMax) return answer;
      await this.#clock.sleep(againMs);
      this.#signal?.throwIfAborted();
    }
  }
}
