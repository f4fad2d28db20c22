/** A hotel in Helsinki and the owner of its partition, in miniature. */
import type {
  BulkReleaseAnswer,
  LockAnswer,
  ReleaseAnswer,
} from '../../../topology/guard/answer.ts';
import type { PropertyRecord, RoomRecord } from '../../../topology/guard/catalogue.ts';
import type {
  BulkReleaseCommand,
  LockCommand,
  ReleaseCommand,
} from '../../../topology/guard/command.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import type { AnswerTo, Decision } from '../../../topology/guard/decision.ts';
import { decisionLine, readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import { defaultGuardOptions, type GuardOptions } from '../../../topology/guard/guard-options.ts';
import type { GuardInput } from '../../../topology/guard/input.ts';
import type { InventoryEvent } from '../../../topology/guard/inventory-event.ts';
import type { Lock } from '../../../topology/guard/lock.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import type { StoredLock } from '../../../topology/guard/stored-lock.ts';

export const tenantId = 'tenant-1';
export const otherTenantId = 'tenant-2';
export const standard = 'standard';
export const suite = 'suite';
export const propertyId = 'property-1';
export const startMs = Date.parse('2026-03-01T12:00:00Z');
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export const helsinki: PropertyRecord = {
  zone: 'Europe/Helsinki',
  checkInTime: '15:00',
  checkOutTime: '11:00',
};

/** Three nights from 10 May 2026, any standard room. */
export function lockCommand(changes: Partial<LockCommand> = {}): LockCommand {
  return {
    kind: 'lock',
    tenantId,
    reservationId: 'R1',
    roomTypeId: standard,
    roomId: undefined,
    propertyId: undefined,
    stayStart: '2026-05-10',
    stayEnd: '2026-05-13',
    idempotencyKey: undefined,
    ttlSeconds: undefined,
    version: undefined,
    reason: 'RESERVATION_CREATE',
    actor: 'test',
    correlationId: undefined,
    metadata: {},
    ...changes,
  };
}

export function releaseCommand(changes: Partial<ReleaseCommand> = {}): ReleaseCommand {
  return {
    kind: 'release',
    tenantId,
    lockId: '',
    reservationId: undefined,
    version: undefined,
    reason: 'CANCELLED',
    actor: 'test',
    correlationId: undefined,
    metadata: {},
    ...changes,
  };
}

export function bulkCommand(changes: Partial<BulkReleaseCommand> = {}): BulkReleaseCommand {
  return {
    kind: 'bulk-release',
    tenantId,
    lockIds: undefined,
    reservationId: undefined,
    roomId: undefined,
    roomTypeId: undefined,
    window: undefined,
    reason: 'CLEARED',
    actor: 'test',
    correlationId: undefined,
    metadata: {},
    ...changes,
  };
}

export function roomRow(roomId: string, changes: Partial<RoomRecord> = {}): RoomRecord {
  return {
    tenantId,
    roomId,
    roomTypeId: standard,
    propertyId,
    isDeleted: false,
    outOfOrder: undefined,
    blocked: undefined,
    ...changes,
  };
}

/** Decides one command after the other, keeps the log of decisions, moves its clock by hand. */
export class Owner {
  readonly state: MemoryGuardState;
  readonly log: Decision[] = [];
  nowMs = startMs;
  options: GuardOptions;

  constructor(
    options: Partial<GuardOptions> = {},
    sellLimits: ReadonlyMap<string, number> = new Map(),
  ) {
    this.state = new MemoryGuardState({ sellLimits });
    this.options = { ...defaultGuardOptions, ...options };
  }

  decide<Input extends GuardInput>(input: Input): Decision<Input> {
    const { nowMs, options } = this;
    const { expiries, decision } = decideNow(this.state, input, { nowMs, options });
    this.log.push(...expiries, decision);
    return decision;
  }

  ask<Input extends GuardInput>(input: Input): AnswerTo<Input> {
    return this.decide(input).answer;
  }

  lock(changes: Partial<LockCommand> = {}): LockAnswer {
    return this.ask(lockCommand(changes));
  }

  /** The hold that was granted; throws when there is none. */
  held(changes: Partial<LockCommand> = {}): Lock {
    const answer = this.lock(changes);
    if (answer.status !== 'LOCKED') throw new Error(`not locked: ${JSON.stringify(answer)}`);
    return answer.lock;
  }

  release(changes: Partial<ReleaseCommand>): ReleaseAnswer {
    return this.ask(releaseCommand(changes));
  }

  bulk(changes: Partial<BulkReleaseCommand>): BulkReleaseAnswer {
    const answer = this.ask(bulkCommand(changes));
    if (answer.status !== 'DONE') throw new Error(answer.message);
    return answer;
  }

  room(roomId: string, changes: Partial<RoomRecord> = {}): Decision {
    const row = roomRow(roomId, changes);
    return this.decide({ kind: 'room', tenantId: row.tenantId, roomId, row });
  }

  property(row: PropertyRecord = helsinki, id = propertyId): Decision {
    return this.decide({ kind: 'property', tenantId, propertyId: id, row });
  }

  catalogue(isComplete = true): Decision {
    return this.decide({ kind: 'catalogue', isComplete });
  }

  /** As the lifecycle stream will do it: the hold does not expire any more. */
  confirm(lockId: string): StoredLock {
    const lock = this.state.lock(lockId);
    if (lock === undefined) throw new Error(`no lock ${lockId}`);
    const after: StoredLock = { ...lock, status: 'CONFIRMED', expiresAtMs: undefined };
    this.state.putLock(after);
    return after;
  }

  stored(lockId: string): StoredLock {
    const lock = this.state.lock(lockId);
    if (lock === undefined) throw new Error(`no lock ${lockId}`);
    return lock;
  }

  events(type?: InventoryEvent['type']): readonly InventoryEvent[] {
    return this.log
      .flatMap((decision) => decision.events)
      .filter((event) => type === undefined || event.type === type);
  }
}

/** An owner of a hotel with these standard rooms, everything captured. */
export function openHotel(roomIds: readonly string[], options: Partial<GuardOptions> = {}): Owner {
  const owner = new Owner(options);
  owner.property();
  for (const roomId of roomIds) owner.room(roomId);
  owner.catalogue();
  return owner;
}

/** What the log of decisions gives in a fresh state, after a way through its bytes. */
export function foldedAnew(log: readonly Decision[]): MemoryGuardState {
  const state = new MemoryGuardState();
  for (const decision of log) {
    evolve(state, readDecisionLine(decisionLine({ origin: undefined, partition: 0, decision })));
  }
  return state;
}

/** Holds of a state that count. */
export function liveLocks(state: MemoryGuardState): readonly StoredLock[] {
  return state.locks().filter(({ status }) => status === 'TENTATIVE' || status === 'CONFIRMED');
}
