/**
 * Whether nothing was sold twice, from durable things only: the guard's events, read committed, and
 * what the callers say they were answered. The invariants are V1, V2, V4 and V5 of the design's
 * verification: no double lock, an answer is durable, versions only grow, a key means one hold.
 */
import { avroReader } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { InventoryEvent } from '../../schemas/generated/inventory-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import { HoldHistory } from './hold-history.ts';

/** One answer LOCKED, as the caller noted it. */
export interface NotedGrant {
  /** Idempotency key, else reservation: what the caller calls its hold by. */
  readonly key: string;
  readonly lockId: string;
  readonly version: number;
  /** True: a repeat was told that the hold has ended since. */
  readonly hasEnded?: boolean;
}

/** One answer CONFLICT. */
export interface NotedConflict {
  readonly key: string;
  readonly partitionKey: string;
  /** Of the first attempt, and of the answer; milliseconds since 1970. */
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly reason: string;
  /** The hold that was named. */
  readonly blockingLockId: string | undefined;
  /** That do not fit. */
  readonly nights: readonly string[];
}

interface Held {
  readonly lockId: string;
  readonly roomId: string | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nights: readonly string[];
}

const violationsMax = 20;
/** Clocks of caller and owner are one machine's. */
const oneMachineDoubtMs = 50;

export class LockVerifier {
  readonly #read = avroReader(contractSchema('inventory.events'));
  readonly #capacity: ReadonlyMap<string, number>;
  readonly #clockDoubtMs: number;
  /** By partition key, by lock id. */
  readonly #live = new Map<string, Map<string, Held>>();
  readonly #heldOn = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #granted = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #history = new HoldHistory();
  readonly #expiryDelaysMs: number[] = [];
  readonly #violations: string[] = [];
  #events = 0;
  #lastExpiryMs = 0;

  /**
   * @param capacity rooms by `tenant|type`; a type that is not named has no limit.
   * @param clockDoubtMs how far apart the clocks of callers and owners may be.
   */
  constructor(capacity: ReadonlyMap<string, number>, clockDoubtMs = oneMachineDoubtMs) {
    this.#capacity = capacity;
    this.#clockDoubtMs = clockDoubtMs;
  }

  /** The first few things that must not be. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  get events(): number {
    return this.#events;
  }

  /** How long after its time each expired hold was released. */
  get expiryDelaysMs(): readonly number[] {
    return this.#expiryDelaysMs;
  }

  /** When the last hold was released because its time was over. */
  get lastExpiryMs(): number {
    return this.#lastExpiryMs;
  }

  liveCount(partitionKey: string): number {
    return this.#live.get(partitionKey)?.size ?? 0;
  }

  /** Events in the order of their partition. */
  add(value: Buffer): void {
    this.#events += 1;
    const event = this.#read(unframe(value).payload) as InventoryEvent;
    const key = `${event.tenantId}|${event.roomTypeId}`;
    if (event.type === 'inventory.locked') this.#locked(key, event);
    if (event.type === 'inventory.released') this.#released(key, event);
  }

  /** V2: what a caller was told is in the log. V5: a key that nobody released means one hold. */
  check(grants: readonly NotedGrant[]): void {
    const holds = new Map<string, string>();
    for (const { key, lockId, version, hasEnded = false } of grants) {
      const known = hasEnded ? this.#ended : this.#granted;
      if (!known.has(`${lockId}@${version}`)) {
        const what = hasEnded ? 'an end of' : 'LOCKED';
        this.report(
          `V2: ${key} was answered ${what} ${lockId} at ${version}, which is not in the log`,
        );
      }
      const before = holds.get(key) ?? lockId;
      if (before !== lockId) this.report(`V5: ${key} means ${before} and ${lockId}`);
      holds.set(key, lockId);
    }
  }

  /** V2: a hold that a caller was answered RELEASED is not held in the end. */
  checkReleases(lockIds: readonly string[]): void {
    const live = new Set([...this.#live.values()].flatMap((holds) => [...holds.keys()]));
    for (const lockId of lockIds) {
      if (live.has(lockId)) this.report(`V2: ${lockId} was answered RELEASED, and is held`);
    }
  }

  /** V2: what a caller was refused for was so at some moment between its asking and the answer. */
  checkConflicts(conflicts: readonly NotedConflict[]): void {
    for (const conflict of conflicts) {
      const { key, partitionKey, askedAtMs, answeredAtMs, reason, blockingLockId, nights } =
        conflict;
      const doubtMs = this.#clockDoubtMs;
      const moment = { fromMs: askedAtMs - doubtMs, toMs: answeredAtMs + doubtMs };
      const what = `V2: ${key} was refused for ${reason}`;
      if (nights.length === 0) this.report(`${what}, and no night is named`);
      if (blockingLockId === undefined) this.report(`${what}, and no hold is named`);
      else if (!this.#history.wasHeld(blockingLockId, nights, moment)) {
        const when = `${askedAtMs} to ${answeredAtMs}; it had: ${this.#history.told(blockingLockId)}`;
        this.report(`${what} by ${blockingLockId}, which did not have these nights then (${when})`);
      }
      if (reason !== 'TYPE_FULL') continue;
      const capacity = this.#capacity.get(partitionKey) ?? Infinity;
      for (const night of nights) {
        const most = this.#history.mostHeld(`${partitionKey}@${night}`, moment);
        // A change does not stand in its own way: its slot's hold is one of those counted.
        if (most < capacity) this.report(`${what} on ${night}, which had ${most} of ${capacity}`);
      }
    }
  }

  #locked(key: string, event: InventoryEvent): void {
    const { lockId } = event;
    if (lockId === null) return;
    this.#version(key, event);
    this.#granted.add(`${lockId}@${event.version}`);
    const atMs = Number(event.occurredAt);
    this.#leave(key, lockId, atMs);
    const held: Held = {
      lockId,
      roomId: event.roomId,
      fromMs: Number(event.stayStart),
      toMs: Number(event.stayEnd),
      nights: event.nights.map(({ date }) => date),
    };
    const live = this.#live.get(key) ?? new Map<string, Held>();
    this.#live.set(key, live);
    for (const other of live.values()) {
      const isSameRoom = held.roomId !== null && other.roomId === held.roomId;
      if (isSameRoom && held.fromMs < other.toMs && other.fromMs < held.toMs) {
        this.report(`V1: ${lockId} and ${other.lockId} have room ${held.roomId} together`);
      }
    }
    live.set(lockId, held);
    this.#history.held(lockId, held.nights, atMs);
    const capacity = this.#capacity.get(key) ?? Infinity;
    for (const night of held.nights) {
      const count = (this.#heldOn.get(`${key}@${night}`) ?? 0) + 1;
      this.#count(`${key}@${night}`, count, atMs);
      if (count > capacity) {
        this.report(`V1: ${count} holds of ${key} on ${night}, which has ${capacity} rooms`);
      }
    }
  }

  #released(key: string, event: InventoryEvent): void {
    const { lockId } = event;
    if (lockId === null) return;
    this.#version(key, event);
    this.#ended.add(`${lockId}@${event.version}`);
    if (this.#live.get(key)?.has(lockId) !== true) {
      this.report(`V1: ${lockId} was released and is not held`);
    }
    this.#leave(key, lockId, Number(event.occurredAt));
    if (event.releaseReason === 'EXPIRED') {
      this.#lastExpiryMs = Math.max(this.#lastExpiryMs, Number(event.releasedAt));
      this.#expiryDelaysMs.push(Number(event.releasedAt) - Number(event.expiresAt));
    }
  }

  #count(night: string, count: number, atMs: number): void {
    this.#heldOn.set(night, count);
    this.#history.counted(night, count, atMs);
  }

  #leave(key: string, lockId: string, atMs: number): void {
    const live = this.#live.get(key);
    const held = live?.get(lockId);
    if (held === undefined) return;
    live?.delete(lockId);
    this.#history.ended(lockId, atMs);
    for (const night of held.nights) {
      const name = `${key}@${night}`;
      this.#count(name, (this.#heldOn.get(name) ?? 0) - 1, atMs);
    }
  }

  /** V4 */
  #version(key: string, { version, lockId }: InventoryEvent): void {
    const last = this.#versions.get(key) ?? 0;
    if (Number(version) <= last) {
      this.report(`V4: ${String(lockId)} got version ${String(version)} after ${last}`);
    }
    this.#versions.set(key, Number(version));
  }

  /** Something that must not be. */
  report(violation: string): void {
    if (this.#violations.length < violationsMax) this.#violations.push(violation);
  }
}
