/**
 * What must hold of a guard's history, from durable things and from what callers were told: V1 no double
 * lock, V2 an answer is in the log, V3 every event once, V4 versions grow and times never go back, V5 a
 * key means one hold, V6 the state is its decisions folded, and its decisions are those that the rules
 * make of the inputs before.
 */
import type { LockAnswer, ReleaseAnswer } from '../../topology/guard/answer.ts';
import type { FetchedRecord } from '../../streams/index.ts';
import { decide } from '../../topology/guard/decide.ts';
import { readDecisionLine, type LoggedDecision } from '../../topology/guard/decision-log.ts';
import { evolve } from '../../topology/guard/evolve.ts';
import type { InventoryEvent, InventoryLocked } from '../../topology/guard/inventory-event.ts';
import { isLive } from '../../topology/guard/lock.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';
import { MemoryGuardState } from '../../topology/guard/memory-guard-state.ts';
import { defaultGuardOptions } from '../../topology/guard/guard-options.ts';
import type { StoredLock } from '../../topology/guard/stored-lock.ts';
import { checkAudit, checkNotifications } from './audit-invariants.ts';
import { applicationId } from './machine.ts';
import type { Attempt, FinalState } from './scenario.ts';
import { guardEventsTopic, tenantId, type GuardCall } from './guard-workload.ts';
import type { SimulatedInput } from './schedule.ts';

type Report = (text: string) => void;

/** One partition's history, read from its log of decisions. */
interface Folded {
  readonly state: MemoryGuardState;
  /** Every lock at every version it had. */
  readonly versions: ReadonlyMap<string, StoredLock>;
  /** Offset of the event that told of each lock's end. */
  readonly endedAt: ReadonlyMap<string, number>;
  readonly correlationIds: ReadonlySet<string>;
}

export function guardViolations(
  state: FinalState,
  { partitions, hasStreams }: { readonly partitions: number; readonly hasStreams: boolean },
): readonly string[] {
  const violations: string[] = [];
  const report: Report = (text) => violations.push(text);
  const allDecisions: LoggedDecision[] = [];
  // Among the streams some are not.
  for (const { headers } of hasStreams ? [] : lettersOf(state)) {
    const reason = headers.find(({ key }) => key === '__dlq.error.message')?.value;
    report(`a record that is sound was dead-lettered: ${String(reason)}`);
  }
  for (let partition = 0; partition < partitions; partition += 1) {
    const decisions = state.kafka
      .log({ topic: `${applicationId}-decisions`, partition })
      .committedHistory()
      .map(({ value }) => readDecisionLine(value ?? Buffer.alloc(0)));
    const written = state.kafka
      .log({ topic: guardEventsTopic, partition })
      .committedHistory()
      .map(({ offset, value }) => ({ offset, event: JSON.parse(String(value)) as InventoryEvent }));
    const events = written.map(({ event }) => event);
    const endedAt = new Map<string, number>();
    for (const { offset, event } of written) {
      if (event.type === 'inventory.released') endedAt.set(event.lockId, offset);
    }
    const folded = { ...fold(decisions, report), endedAt };
    checkStore(folded.state, state, { partition, report });
    checkAudit(decisions, state.stores.get(`guard_${partition}`), report);
    allDecisions.push(...decisions);
    checkEvents(decisions, events, report);
    checkHolds(events, report);
    const attempts = state.attempts.filter((attempt) => attempt.partition === partition);
    for (const attempt of attempts) checkAttempt(attempt, folded, report);
    // Commands use the callers' keys too.
    if (!hasStreams) checkKeys(attempts, report);
  }
  checkNotifications(allDecisions, state.kafka, report);
  return violations;
}

function fold(decisions: readonly LoggedDecision[], report: Report): Omit<Folded, 'endedAt'> {
  const state = new MemoryGuardState();
  const versions = new Map<string, StoredLock>();
  const correlationIds = new Set<string>();
  const lastVersions = new Map<string, number>();
  let lastMs = 0;
  for (const [index, decision] of decisions.entries()) {
    const { decidedAtMs, command, changes } = decision;
    if (decidedAtMs < lastMs) report(`V4: decision ${index} was made before the one before it`);
    lastMs = Math.max(lastMs, decidedAtMs);
    const again = decide(state, command, { nowMs: decidedAtMs, options: defaultGuardOptions });
    if (!isSame(again.changes, changes)) {
      report(`V6: decision ${index} (${command.kind}) does not follow from those before it`);
    }
    if ('correlationId' in command && command.correlationId !== undefined) {
      correlationIds.add(command.correlationId);
    }
    for (const change of changes) {
      if (change.kind !== 'lock') continue;
      const { after } = change;
      const key = partitionKeyOf(after);
      if (after.version <= (lastVersions.get(key) ?? 0)) {
        report(`V4: ${after.lockId} got version ${after.version} after ${lastVersions.get(key)}`);
      }
      lastVersions.set(key, after.version);
      versions.set(`${after.lockId}@${after.version}`, after);
    }
    evolve(state, decision);
  }
  return { state, versions, correlationIds };
}

/** What was dead-lettered. */
export function lettersOf({ kafka }: FinalState): readonly FetchedRecord[] {
  return kafka.log({ topic: `${applicationId}-dlq`, partition: 0 }).committedHistory();
}

interface Where {
  readonly partition: number;
  readonly report: Report;
}

/** V6: of each kind of entry that decisions make, the store has what the log says. */
function checkStore(
  folded: MemoryGuardState,
  { stores, inputs }: FinalState,
  { partition, report }: Where,
): void {
  const of: Readonly<Record<string, (key: never) => unknown>> = {
    locks: (lockId: string) => folded.lock(lockId),
    slots: ([partitionKey = '', slot = '']: string[]) => folded.slot(partitionKey, slot),
    rooms: ([tenantId = '', roomId = '']: string[]) => folded.room({ tenantId, roomId }),
    versions: (partitionKey: string) => folded.lastVersion(partitionKey),
  };
  let locks = 0;
  for (const [name, value] of stores.get(`guard_${partition}`) ?? []) {
    const store = name.slice(0, name.indexOf(' '));
    if (store === 'locks') locks += 1;
    const key = JSON.parse(name.slice(store.length + 1)) as never;
    const expected = of[store]?.(key);
    if (of[store] !== undefined && !isSame(expected, JSON.parse(value))) {
      report(`V6: ${name} is ${value}, the decisions say ${JSON.stringify(expected)}`);
    }
  }
  const decided = [...folded.locks()].length;
  if (stores.has(`guard_${partition}`) && locks !== decided) {
    report(`V6: guard_${partition} has ${locks} locks, its decisions say ${decided}`);
  }
  for (const [roomId, isBlocked] of newestRows(inputs)) {
    const room = folded.room({ tenantId, roomId });
    if ((room?.blocked !== undefined) !== isBlocked) {
      report(
        `V6: partition ${partition} does not have the newest row of room ${roomId}: ${JSON.stringify(room)}`,
      );
    }
  }
}

/** Whether the newest version of each room says that it is blocked. */
function newestRows(inputs: readonly SimulatedInput[]): ReadonlyMap<string, boolean> {
  const newest = new Map<string, { lsn: number; isBlocked: boolean }>();
  for (const { topic, key, value } of inputs) {
    if (!topic.endsWith('.rooms')) continue;
    const { after, source } = JSON.parse(value) as {
      after: { is_blocked?: boolean };
      source: { lsn: number };
    };
    const known = newest.get(key);
    if (known !== undefined && known.lsn >= source.lsn) continue;
    newest.set(key, { lsn: source.lsn, isBlocked: after.is_blocked === true });
  }
  return new Map([...newest].map(([key, { isBlocked }]) => [key, isBlocked]));
}

/** V3: the events are those of the decisions, each once, in their order. */
function checkEvents(
  decisions: readonly LoggedDecision[],
  events: readonly InventoryEvent[],
  report: Report,
): void {
  const implied = decisions.flatMap(({ events: of }) =>
    of.map(({ type, lockId, version }) => `${type} ${lockId ?? ''}@${version}`),
  );
  const found = events.map((event) => {
    const lockId = 'lockId' in event ? event.lockId : '';
    return `${event.type} ${lockId}@${event.version}`;
  });
  const at = implied.findIndex((name, index) => name !== found[index]);
  const differs = at >= 0 ? at : implied.length < found.length ? implied.length : -1;
  if (differs < 0) return;
  report(
    `V3: event ${differs} is ${found[differs] ?? 'missing'}, decided was ${implied[differs] ?? 'none'}`,
  );
}

/** V1, and that what was due had expired before anything else was decided. */
function checkHolds(events: readonly InventoryEvent[], report: Report): void {
  const live = new Map<string, InventoryLocked>();
  for (const event of events) {
    if (event.type === 'inventory.released' && !live.delete(event.lockId)) {
      report(`V1: ${event.lockId} was released and not held`);
    }
    if (event.type !== 'inventory.locked') continue;
    live.delete(event.lockId);
    const others = [...live.values()].filter(
      (other) => partitionKeyOf(other) === partitionKeyOf(event),
    );
    checkRoom(event, others, report);
    // What the platform sold is held whether it fits or not.
    const isGrant = event.status === 'TENTATIVE' && event.confirmedStay === undefined;
    if (isGrant) checkGrant(event, others, report);
    live.set(event.lockId, event);
  }
}

function checkRoom(
  event: InventoryLocked,
  others: readonly InventoryLocked[],
  report: Report,
): void {
  for (const other of others) {
    const isSameRoom = event.roomId !== undefined && other.roomId === event.roomId;
    const overlaps = event.stayStartMs < other.stayEndMs && other.stayStartMs < event.stayEndMs;
    if (isSameRoom && overlaps) {
      report(`V1: ${event.lockId} and ${other.lockId} have room ${event.roomId} together`);
    }
  }
}

function checkGrant(
  event: InventoryLocked,
  others: readonly InventoryLocked[],
  report: Report,
): void {
  for (const { lockId, expiresAtMs = Infinity } of others) {
    if (expiresAtMs >= event.decidedAtMs) continue;
    report(`V1: ${lockId} was over and stood in the way of ${event.lockId}`);
  }
  for (const [index, night] of event.nights.entries()) {
    const held = others.filter((other) => other.nights.includes(night)).length + 1;
    const capacity = event.capacity[index] ?? Infinity;
    if (held > capacity) {
      report(`V1: ${held} holds of ${partitionKeyOf(event)} on ${night}, of ${capacity}`);
    }
  }
}

/** V2 */
function checkAttempt(attempt: Attempt, folded: Folded, report: Report): void {
  const { id, outcome, code, answer } = attempt;
  const isLogged = folded.correlationIds.has(id);
  if (outcome === 'refused' && isLogged) {
    report(`V2: ${id} was refused (${code}: nothing was changed) and is in the log`);
  }
  if (outcome !== 'answered') return;
  if (!isLogged) report(`V2: ${id} was answered and is not in the log`);
  const told = answer as LockAnswer | ReleaseAnswer;
  if (told.status === 'LOCKED' || told.status === 'RELEASED') {
    const { lockId, version } = told.lock;
    if (!folded.versions.has(`${lockId}@${version}`)) {
      report(`V2: ${id} was told ${told.status} ${lockId} at ${version}, which is not in the log`);
    }
  }
  if (told.status !== 'CONFLICT' || told.conflict.blockingLock === undefined) return;
  const { lockId, version } = told.conflict.blockingLock;
  const named = folded.versions.get(`${lockId}@${version}`);
  if (named === undefined || !isLive(named)) {
    report(`V2: ${id} was refused for ${lockId} at ${version}, which nobody held`);
  }
  const endedAt = folded.endedAt.get(lockId);
  if (endedAt !== undefined && endedAt < attempt.askedAtEnd) {
    report(`V2: ${id} was refused for ${lockId}, which had ended before it was asked`);
  }
}

/** V5: who asks for the same with the same key has one hold. */
function checkKeys(attempts: readonly Attempt[], report: Report): void {
  const bodies = new Map<string, Set<string>>();
  const locks = new Map<string, Set<string>>();
  for (const { call, outcome, answer } of attempts) {
    const wish = call as GuardCall;
    if (wish.do !== 'lock') continue;
    const slot = `${wish.roomTypeId} ${wish.slot}`;
    addTo(bodies, slot, JSON.stringify(wish));
    const told = answer as LockAnswer;
    if (outcome === 'answered' && told.status === 'LOCKED') addTo(locks, slot, told.lock.lockId);
  }
  for (const [slot, ids] of locks) {
    if (bodies.get(slot)?.size !== 1 || ids.size === 1) continue;
    report(`V5: ${slot} asked for one thing and holds ${[...ids].join(' and ')}`);
  }
}

function addTo(sets: Map<string, Set<string>>, name: string, value: string): void {
  const set = sets.get(name) ?? new Set();
  sets.set(name, set.add(value));
}

function isSame(one: unknown, other: unknown): boolean {
  // Mostly the fields are in the same order too.
  return JSON.stringify(one) === JSON.stringify(other) || sortedJson(one) === sortedJson(other);
}

/** Text that is equal for equal content, whatever the order of its fields. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    const fields = each as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.keys(fields)
        .sort()
        .map((name) => [name, fields[name]]),
    );
  });
}
