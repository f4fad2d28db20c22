/**
 * The guard's rules the slow way, for comparison: plain lists, every rule a scan over every hold, all
 * bodies kept as the text they came in. Shares with the guard only the calendar, slot names and ids.
 */
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import {
  atLocalTime,
  localDate,
  nightInstantMs,
} from '../../../topology/calendar/property-time.ts';
import type { PropertyRecord, RoomRecord } from '../../../topology/guard/catalogue.ts';
import type {
  BulkReleaseCommand,
  LockCommand,
  ReleaseCommand,
} from '../../../topology/guard/command.ts';
import type { GuardOptions } from '../../../topology/guard/guard-options.ts';
import type { GuardInput } from '../../../topology/guard/input.ts';
import type { Lock } from '../../../topology/guard/lock.ts';
import { lockIdOf } from '../../../topology/guard/lock-id.ts';

interface NaiveStay {
  reservationId: string | undefined;
  roomId: string | undefined;
  propertyId: string | undefined;
  stayStartMs: number;
  stayEndMs: number;
  nights: readonly string[];
  wish: string;
}

interface NaiveHold {
  lock: Lock;
  wish: string;
  generation: number;
  confirmed: NaiveStay | undefined;
  versionBeforeEnd: number | undefined;
  /** Of every stay that its slot had answered while this was its newest hold. */
  latestEndMs: number;
}

interface NaiveSlot {
  tenantId: string;
  roomTypeId: string;
  name: string;
  /** Suffix and wish of every request answered LOCKED. */
  answered: { suffix: string; wish: string }[];
  highest: number;
  latestEndMs: number;
}

export interface NaiveConflict {
  readonly status: 'CONFLICT';
  readonly reason: string;
  readonly nights: readonly string[];
  /** Any of these may be named. */
  readonly blockerIds: readonly string[];
}

export type NaiveAnswer =
  | { readonly status: 'LOCKED' | 'RELEASED'; readonly lock: Lock; readonly isRepeat: boolean }
  | NaiveConflict
  | { readonly status: 'REFUSED'; readonly code: string; readonly field: string }
  | { readonly status: 'DONE'; readonly results: readonly { lockId: string; outcome: string }[] }
  | { readonly status: 'SWEPT'; readonly count: number }
  | { readonly status: 'NOTED' };

const dayMs = 86_400_000;
const refused = (code: string, field: string): NaiveAnswer => ({ status: 'REFUSED', code, field });
const none = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const isLive = ({ lock }: NaiveHold): boolean =>
  lock.status === 'TENTATIVE' || lock.status === 'CONFIRMED';
const staysOf = (hold: NaiveHold): (NaiveStay | Lock)[] =>
  hold.confirmed === undefined ? [hold.lock] : [hold.lock, hold.confirmed];

/** What callers ask and the catalogue says; streams of reservations have tests of their own. */
export type NaiveInput = Exclude<
  GuardInput,
  { readonly kind: 'command' | 'confirm' | 'platform-stay' | 'hand-over' }
>;

export class NaiveGuard {
  holds: NaiveHold[] = [];
  slots: NaiveSlot[] = [];
  rooms: RoomRecord[] = [];
  properties: { tenantId: string; propertyId: string; row: PropertyRecord }[] = [];
  isComplete = false;
  lastMs = 0;
  readonly versions = new Map<string, number>();
  /** Every type that ever had a room, with the property of the room that came last. */
  readonly typeProperties = new Map<string, string>();
  readonly options: GuardOptions;
  readonly sellLimits: ReadonlyMap<string, number>;

  constructor(options: GuardOptions, sellLimits: ReadonlyMap<string, number>) {
    this.options = options;
    this.sellLimits = sellLimits;
  }

  ask(input: NaiveInput, nowMs: number): NaiveAnswer {
    this.lastMs = Math.max(nowMs, this.lastMs);
    this.#expireDue();
    switch (input.kind) {
      case 'lock':
        return this.#lock(input);
      case 'release':
        return this.#release(input);
      case 'bulk-release':
        return this.#bulk(input);
      case 'expire':
        return { status: 'SWEPT', count: 0 };
      case 'forget':
        return this.#forget();
      case 'room':
        return this.#room(input.tenantId, input.roomId, input.row);
      case 'property': {
        const { tenantId, propertyId, row } = input;
        this.properties = this.properties.filter(
          (known) => known.tenantId !== tenantId || known.propertyId !== propertyId,
        );
        this.properties.push({ tenantId, propertyId, row });
        this.#renight();
        return { status: 'NOTED' };
      }
      case 'catalogue':
        this.isComplete = input.isComplete;
        return { status: 'NOTED' };
    }
  }

  /** Undefined: unknown. */
  capacity(tenantId: string, roomTypeId: string, night: string): number | undefined {
    const propertyId = this.typeProperties.get(`${tenantId}|${roomTypeId}`);
    const property = this.#property(tenantId, propertyId);
    if (!this.isComplete || propertyId === undefined || property === undefined) return undefined;
    const atMs = nightInstantMs(property.zone, night);
    const isShut = (window: RoomRecord['blocked']): boolean =>
      window !== undefined &&
      (window.fromMs ?? -Infinity) <= atMs &&
      atMs < (window.toMs ?? Infinity);
    const open = this.rooms.filter(
      (room) =>
        room.tenantId === tenantId &&
        room.roomTypeId === roomTypeId &&
        !room.isDeleted &&
        !isShut(room.outOfOrder) &&
        !isShut(room.blocked),
    ).length;
    return Math.min(open, this.sellLimits.get(`${tenantId}|${roomTypeId}`) ?? Infinity);
  }

  holdersOn(tenantId: string, roomTypeId: string, night: string): NaiveHold[] {
    return this.holds.filter(
      (hold) =>
        isLive(hold) &&
        hold.lock.tenantId === tenantId &&
        hold.lock.roomTypeId === roomTypeId &&
        staysOf(hold).some((stay) => stay.nights.includes(night)),
    );
  }

  confirm(lockId: string): void {
    const hold = this.holds.find(({ lock }) => lock.lockId === lockId);
    if (hold === undefined) return;
    const version = this.#nextVersion(hold.lock);
    hold.lock = { ...hold.lock, status: 'CONFIRMED', expiresAtMs: undefined, version };
    hold.confirmed = undefined;
  }

  // The rules one after another, in one place: cut up, they would look like what they check.
  // eslint-disable-next-line complexity
  #lock(command: LockCommand): NaiveAnswer {
    const { tenantId, roomTypeId, version } = command;
    const reservationId = none(command.reservationId);
    const key = none(command.idempotencyKey);
    const roomId = none(command.roomId);
    if (key === undefined && reservationId === undefined) {
      return refused('REQUEST_INVALID', 'idempotencyKey');
    }
    const isMain =
      key === undefined || key === reservationId || key.startsWith(`${reservationId}:`);
    const name = isMain ? `reservation:${reservationId}` : `key:${key}`;
    const suffix = isMain && key !== undefined ? key.slice((reservationId?.length ?? 0) + 1) : '';
    const iteration = /^\d+$/.test(suffix) ? Number(suffix) : undefined;
    const ttl = command.ttlSeconds ?? 0;
    if (!Number.isInteger(ttl) || ttl < 0) return refused('REQUEST_INVALID', 'ttlSeconds');

    const wish = JSON.stringify([command.stayStart, command.stayEnd, roomId, reservationId]);
    const slot = this.slots.find(
      (known) =>
        known.tenantId === tenantId && known.roomTypeId === roomTypeId && known.name === name,
    );
    const generations = this.holds.filter(
      ({ lock }) =>
        lock.tenantId === tenantId && lock.roomTypeId === roomTypeId && lock.slot === name,
    );
    const newest = generations.sort((left, right) => right.generation - left.generation)[0];
    const live = newest !== undefined && isLive(newest) ? newest : undefined;
    if (slot !== undefined && newest !== undefined) {
      const isKnown = slot.answered.some((one) => one.suffix === suffix && one.wish === wish);
      const isLate = iteration !== undefined && iteration < slot.highest;
      const isFenced = live !== undefined && version === live.lock.version;
      if (((isKnown || isLate) && !isFenced) || live?.wish === wish) {
        if (!isKnown && !isLate) slot.answered.push({ suffix, wish });
        if (!isLate) slot.highest = Math.max(slot.highest, iteration ?? 0);
        return { status: 'LOCKED', lock: newest.lock, isRepeat: true };
      }
    }
    if (version !== undefined && version !== live?.lock.version) {
      return refused('PRECONDITION_FAILED', 'version');
    }

    const room = this.rooms.find((one) => one.tenantId === tenantId && one.roomId === roomId);
    if (room !== undefined && (room.isDeleted || room.roomTypeId !== roomTypeId)) {
      return refused('PRECONDITION_FAILED', 'roomId');
    }
    if (roomId !== undefined && room === undefined && this.options.unknownRoom === 'reject') {
      return refused('PRECONDITION_FAILED', 'roomId');
    }
    const known = this.typeProperties.get(`${tenantId}|${roomTypeId}`);
    const asked = none(command.propertyId);
    if (known !== undefined && asked !== undefined && known !== asked) {
      return refused('PRECONDITION_FAILED', 'propertyId');
    }
    const propertyId = known ?? asked;
    const zone = this.#property(tenantId, propertyId)?.zone ?? 'UTC';
    const stayStartMs = instant(command.stayStart, zone, '15:00');
    const stayEndMs = instant(command.stayEnd, zone, '11:00');
    if (stayEndMs <= stayStartMs) return refused('REQUEST_INVALID', 'stayEnd');
    if (stayEndMs <= this.lastMs - this.options.retentionDays * dayMs) {
      return refused('PRECONDITION_FAILED', 'stayEnd');
    }
    const nights = nightsBetween(zone, stayStartMs, stayEndMs);
    const wanted = { stayStartMs, stayEndMs, nights };
    const conflict = this.#conflict({ tenantId, roomTypeId, roomId, room, live, wanted, zone });
    if (conflict !== undefined) return conflict;

    const generation = live?.generation ?? (newest?.generation ?? 0) + 1;
    const highest = Math.max(slot?.highest ?? 0, iteration ?? 0);
    const lock: Lock = {
      lockId: lockIdOf({ tenantId, roomTypeId, slot: name, generation }),
      ...{ tenantId, reservationId, roomTypeId, roomId, propertyId, slot: name },
      iteration: highest,
      ...wanted,
      status: 'TENTATIVE',
      reason: command.reason,
      actor: command.actor,
      correlationId: command.correlationId,
      metadata: command.metadata,
      grantedAtMs: live?.lock.grantedAtMs ?? this.lastMs,
      expiresAtMs:
        this.lastMs +
        1000 * Math.min(ttl || this.options.defaultTtlSeconds, this.options.maxTtlSeconds),
      releasedAtMs: undefined,
      releaseReason: undefined,
      version: this.#nextVersion({ tenantId, roomTypeId }),
    };
    const wasConfirmed = live?.lock.status === 'CONFIRMED';
    const confirmed = live && wasConfirmed ? { ...live.lock, wish: live.wish } : live?.confirmed;
    this.holds = this.holds.filter((hold) => hold !== live);
    const memory = slot ?? {
      ...{ tenantId, roomTypeId, name, answered: [], highest: 0, latestEndMs: stayEndMs },
    };
    if (slot === undefined) this.slots.push(memory);
    memory.answered.push({ suffix, wish });
    memory.highest = highest;
    const latestEndMs = Math.max(memory.latestEndMs, stayEndMs);
    memory.latestEndMs = latestEndMs;
    const ended = { versionBeforeEnd: undefined, latestEndMs };
    this.holds.push({ lock, wish, generation, confirmed, ...ended });
    return { status: 'LOCKED', lock, isRepeat: false };
  }

  #conflict(request: {
    tenantId: string;
    roomTypeId: string;
    roomId: string | undefined;
    room: RoomRecord | undefined;
    live: NaiveHold | undefined;
    wanted: { stayStartMs: number; stayEndMs: number; nights: readonly string[] };
    zone: string;
  }): NaiveConflict | undefined {
    const { tenantId, roomTypeId, roomId, room, live, wanted, zone } = request;
    const others = this.holds.filter(
      (hold) => isLive(hold) && hold !== live && hold.lock.tenantId === tenantId,
    );
    const meets = (fromMs: number, toMs: number): boolean =>
      fromMs < wanted.stayEndMs && toMs > wanted.stayStartMs;
    if (roomId !== undefined) {
      const inRoom = others.filter((hold) =>
        staysOf(hold).some(
          (stay) => stay.roomId === roomId && meets(stay.stayStartMs, stay.stayEndMs),
        ),
      );
      if (inRoom.length > 0) {
        const nights = wanted.nights.filter((night) =>
          inRoom.some((hold) => staysOf(hold).some((stay) => stay.nights.includes(night))),
        );
        const blockerIds = inRoom.map(({ lock }) => lock.lockId);
        return { status: 'CONFLICT', reason: 'ROOM_HELD', nights, blockerIds };
      }
      const windows = [
        ['ROOM_OUT_OF_ORDER', room?.outOfOrder],
        ['ROOM_BLOCKED', room?.blocked],
      ] as const;
      for (const [reason, window] of windows) {
        if (window === undefined) continue;
        const [fromMs, toMs] = [window.fromMs ?? -Infinity, window.toMs ?? Infinity];
        if (!meets(fromMs, toMs)) continue;
        const nights = wanted.nights.filter((night) => {
          const atMs = nightInstantMs(zone, night);
          return fromMs <= atMs && atMs < toMs;
        });
        return { status: 'CONFLICT', reason, nights, blockerIds: [] };
      }
    }
    const isKnown = this.capacity(tenantId, roomTypeId, wanted.nights[0]!) !== undefined;
    if (!isKnown) {
      if (this.options.unknownCapacity === 'allow') return undefined;
      const { nights } = wanted;
      return { status: 'CONFLICT', reason: 'CAPACITY_UNKNOWN', nights, blockerIds: [] };
    }
    const othersOn = (night: string): NaiveHold[] =>
      this.holdersOn(tenantId, roomTypeId, night).filter((hold) => hold !== live);
    const nights = wanted.nights.filter(
      (night) => othersOn(night).length >= this.capacity(tenantId, roomTypeId, night)!,
    );
    if (nights.length === 0) return undefined;
    const blockerIds = othersOn(nights[0]!).map(({ lock }) => lock.lockId);
    return { status: 'CONFLICT', reason: 'TYPE_FULL', nights, blockerIds };
  }

  #release({ tenantId, lockId, version, ...command }: ReleaseCommand): NaiveAnswer {
    const hold = this.holds.find(
      ({ lock }) => lock.lockId === lockId && lock.tenantId === tenantId,
    );
    if (hold === undefined) return refused('NOT_FOUND', 'lockId');
    const reservationId = none(command.reservationId);
    if (reservationId !== undefined && reservationId !== hold.lock.reservationId) {
      return refused('PRECONDITION_FAILED', 'reservationId');
    }
    const isKnown = version === hold.lock.version || version === hold.versionBeforeEnd;
    if (version !== undefined && !isKnown) return refused('PRECONDITION_FAILED', 'version');
    if (!isLive(hold)) return { status: 'RELEASED', lock: hold.lock, isRepeat: true };
    this.#end(hold, 'RELEASED', command.reason);
    return { status: 'RELEASED', lock: hold.lock, isRepeat: false };
  }

  #bulk(command: BulkReleaseCommand): NaiveAnswer {
    const { tenantId, lockIds, reservationId, roomId, roomTypeId, window, reason } = command;
    const isIn = (stay: NaiveStay | Lock): boolean =>
      window === undefined || (stay.stayStartMs < window.toMs && stay.stayEndMs > window.fromMs);
    const isMeant = (hold: NaiveHold): boolean => {
      if (!isLive(hold) || hold.lock.tenantId !== tenantId) return false;
      if (reservationId !== undefined) {
        return staysOf(hold).some((stay) => stay.reservationId === reservationId);
      }
      if (roomId !== undefined) {
        return staysOf(hold).some((stay) => stay.roomId === roomId && isIn(stay));
      }
      return hold.lock.roomTypeId === roomTypeId && staysOf(hold).some(isIn);
    };
    const found = this.holds.filter(isMeant).map(({ lock }) => lock.lockId);
    const results = (lockIds ?? found.sort()).map((lockId) => {
      const hold = this.holds.find(
        ({ lock }) => lock.lockId === lockId && lock.tenantId === tenantId,
      );
      if (hold === undefined) return { lockId, outcome: 'NOT_FOUND' };
      if (!isLive(hold)) return { lockId, outcome: 'ALREADY_ENDED' };
      this.#end(hold, 'RELEASED', reason);
      return { lockId, outcome: 'RELEASED' };
    });
    return { status: 'DONE', results };
  }

  #expireDue(): void {
    if (this.options.isExpiryPaused) return;
    const due = this.holds
      .filter(
        ({ lock }) => lock.status === 'TENTATIVE' && (lock.expiresAtMs ?? Infinity) <= this.lastMs,
      )
      .sort(
        ({ lock: left }, { lock: right }) =>
          (left.expiresAtMs ?? 0) - (right.expiresAtMs ?? 0) ||
          (left.lockId < right.lockId ? -1 : 1),
      );
    for (const hold of due) {
      if (hold.confirmed === undefined) {
        this.#end(hold, 'EXPIRED', 'EXPIRED');
        continue;
      }
      const { wish, reservationId, roomId, propertyId } = hold.confirmed;
      const { stayStartMs, stayEndMs, nights } = hold.confirmed;
      const version = this.#nextVersion(hold.lock);
      hold.lock = {
        ...hold.lock,
        ...{ reservationId, roomId, propertyId, stayStartMs, stayEndMs, nights, version },
        status: 'CONFIRMED',
        expiresAtMs: undefined,
      };
      hold.wish = wish;
      hold.confirmed = undefined;
    }
  }

  #forget(): NaiveAnswer {
    // Two days more than is promised.
    const beforeMs = this.lastMs - (this.options.retentionDays + 2) * dayMs;
    const over = this.holds.filter((hold) => !isLive(hold) && hold.latestEndMs < beforeMs);
    for (const { lock, generation } of over) {
      const isNewest = !this.holds.some(
        (other) =>
          other.lock.slot === lock.slot &&
          other.lock.tenantId === lock.tenantId &&
          other.lock.roomTypeId === lock.roomTypeId &&
          other.generation > generation,
      );
      if (!isNewest) continue;
      this.slots = this.slots.filter(
        (slot) =>
          slot.name !== lock.slot ||
          slot.tenantId !== lock.tenantId ||
          slot.roomTypeId !== lock.roomTypeId,
      );
    }
    this.holds = this.holds.filter((hold) => !over.includes(hold));
    return { status: 'SWEPT', count: over.length };
  }

  #room(tenantId: string, roomId: string, row: RoomRecord | undefined): NaiveAnswer {
    const before = this.rooms.find((room) => room.tenantId === tenantId && room.roomId === roomId);
    const after = row ?? (before && { ...before, isDeleted: true });
    if (after === undefined) return { status: 'NOTED' };
    this.rooms = [...this.rooms.filter((room) => room !== before), after];
    this.typeProperties.set(`${tenantId}|${after.roomTypeId}`, after.propertyId);
    this.#renight();
    return { status: 'NOTED' };
  }

  /** Live holds count on the nights that what is known now says they sleep. */
  #renight(): void {
    const inOrder = [...this.holds].sort(({ lock: left }, { lock: right }) =>
      left.lockId < right.lockId ? -1 : 1,
    );
    for (const hold of inOrder.filter(isLive)) {
      const { tenantId, roomTypeId } = hold.lock;
      const known = this.typeProperties.get(`${tenantId}|${roomTypeId}`);
      const zone = this.#property(tenantId, known ?? hold.lock.propertyId)?.zone ?? 'UTC';
      const stays = staysOf(hold).map(({ propertyId, stayStartMs, stayEndMs }) => ({
        propertyId: known ?? propertyId,
        nights: nightsBetween(zone, stayStartMs, stayEndMs),
      }));
      const was = staysOf(hold).map(({ propertyId, nights }) => ({ propertyId, nights }));
      if (JSON.stringify(stays) === JSON.stringify(was)) continue;
      hold.lock = { ...hold.lock, ...stays[0], version: this.#nextVersion(hold.lock) };
      hold.confirmed = hold.confirmed && { ...hold.confirmed, ...stays[1] };
    }
  }

  #end(hold: NaiveHold, status: 'RELEASED' | 'EXPIRED', releaseReason: string): void {
    hold.versionBeforeEnd = hold.lock.version;
    const version = this.#nextVersion(hold.lock);
    hold.lock = { ...hold.lock, status, releasedAtMs: this.lastMs, releaseReason, version };
    hold.confirmed = undefined;
  }

  #nextVersion({ tenantId, roomTypeId }: { tenantId: string; roomTypeId: string }): number {
    const key = `${tenantId}|${roomTypeId}`;
    const version = (this.versions.get(key) ?? 0) + 1;
    this.versions.set(key, version);
    return version;
  }

  #property(tenantId: string, propertyId: string | undefined): PropertyRecord | undefined {
    return this.properties.find(
      (known) => known.tenantId === tenantId && known.propertyId === propertyId,
    )?.row;
  }
}

function instant(text: string, zone: string, time: string): number {
  return text.length === 10 ? atLocalTime(zone, text, time) : Date.parse(text);
}

/** Date after date, asking of each whether its night lies in the stay. */
function nightsBetween(zone: string, fromMs: number, toMs: number): string[] {
  const nights: string[] = [];
  const last = addDays(localDate(zone, toMs), 2);
  for (let date = addDays(localDate(zone, fromMs), -2); date <= last; date = addDays(date, 1)) {
    const atMs = nightInstantMs(zone, date);
    if (fromMs <= atMs && atMs < toMs) nights.push(date);
  }
  return nights.length > 0 ? nights : [localDate(zone, fromMs)];
}
