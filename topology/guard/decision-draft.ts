/**
 * A decision in the making: the state as it was, and what has been changed so far. Everything that
 * decides a command reads holds through it, so that a command that names a hold twice sees its own
 * change. Draws the versions: each change of a hold gets the next one of its partition key.
 */
import type { Change, Leniency } from './decision.ts';
import type { GuardOptions } from './guard-options.ts';
import type { GuardState } from './guard-state.ts';
import {
  lockedEvent,
  releasedEvent,
  releaseRequestedEvent,
  type DecisionMoment,
  type InventoryEvent,
} from './inventory-event.ts';
import type { LockStatus } from './lock.ts';
import { partitionKeyOf } from './lock-id.ts';
import type { StoredLock } from './stored-lock.ts';

interface ReleasedBy {
  readonly reason: string;
  readonly actor: string;
}

export class DecisionDraft {
  readonly state: GuardState;
  readonly options: GuardOptions;
  readonly atMs: number;
  readonly changes: Change[] = [];
  readonly events: InventoryEvent[] = [];
  readonly leniencies: Leniency[] = [];
  /** Of the command through Kafka that is being decided: its events carry it. */
  commandId: string | undefined;
  readonly #versions = new Map<string, number>();
  readonly #locks = new Map<string, StoredLock>();

  constructor(state: GuardState, nowMs: number, options: GuardOptions) {
    this.state = state;
    this.options = options;
    this.atMs = Math.max(nowMs, state.lastDecisionMs());
  }

  lock(lockId: string): StoredLock | undefined {
    return this.#locks.get(lockId) ?? this.state.lock(lockId);
  }

  nextVersion(partitionKey: string): number {
    const version = (this.#versions.get(partitionKey) ?? this.state.lastVersion(partitionKey)) + 1;
    this.#versions.set(partitionKey, version);
    return version;
  }

  /** Grants a hold, or changes one that is held. */
  hold(after: StoredLock, before: StoredLock | undefined): void {
    this.#put(after, before);
    this.events.push(lockedEvent(after, this.#moment()));
  }

  /** Ends a hold that somebody wants to be ended. */
  release(lock: StoredLock, by: ReleasedBy): StoredLock {
    this.events.push(
      releaseRequestedEvent(lock, {
        ...this.#moment(),
        reason: by.reason,
        actor: by.actor,
      }),
    );
    return this.end(lock, 'RELEASED', by.reason);
  }

  /** Ends a hold, and the stay it was confirmed for with it. */
  end(lock: StoredLock, status: LockStatus, releaseReason: string): StoredLock {
    const after: StoredLock = {
      ...lock,
      status,
      releasedAtMs: this.atMs,
      releaseReason,
      confirmedStay: undefined,
      version: this.nextVersion(partitionKeyOf(lock)),
      versionBeforeEnd: lock.version,
    };
    this.#put(after, lock);
    this.events.push(releasedEvent(after, this.#moment()));
    return after;
  }

  #moment(): DecisionMoment {
    return { decidedAtMs: this.atMs, commandId: this.commandId };
  }

  #put(after: StoredLock, before: StoredLock | undefined): void {
    this.changes.push({ kind: 'lock', lockId: after.lockId, before: before?.version, after });
    this.#locks.set(after.lockId, after);
  }
}
