/**
 * What must hold of the guard among the platform's streams, from durable things only: what is sold is held
 * and nothing that has ended is, a command has one effect, what cannot be used is kept once.
 */
import { readDecisionLine, type LoggedDecision } from '../../topology/guard/decision-log.ts';
import type {
  InventoryEvent,
  InventoryOvercommitted,
} from '../../topology/guard/inventory-event.ts';
import { isLive } from '../../topology/guard/lock.ts';
import { platformActor } from '../../topology/guard/reservations/reconcile.ts';
import { heldNights, type StoredLock } from '../../topology/guard/stored-lock.ts';
import { lettersOf } from './guard-invariants.ts';
import { guardEventsTopic, roomNumberOf } from './guard-workload.ts';
import { applicationId } from './machine.ts';
import type { FinalState } from './scenario.ts';
import type { SimulatedInput } from './schedule.ts';
import {
  commandsTopic,
  reservationsTopic,
  serviceId,
  type PlatformRow,
} from './streams-workload.ts';

export function streamsViolations(state: FinalState, partitions: number): readonly string[] {
  const decisions: LoggedDecision[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const log = state.kafka.log({ topic: `${applicationId}-decisions`, partition });
    for (const { value } of log.committedHistory()) {
      decisions.push(readDecisionLine(value ?? Buffer.alloc(0)));
    }
  }
  const told = overcommitsTold(state, partitions);
  return [
    ...reservations(state, decisions, told),
    ...overcommits(decisions, told),
    ...orders(decisions),
    ...commands(state, decisions),
    ...letters(state),
  ];
}

/** The holds as they are after all decisions: of each the newest version. */
function liveHolds(decisions: readonly LoggedDecision[]): readonly StoredLock[] {
  const holds = new Map<string, StoredLock>();
  for (const { changes } of decisions) {
    for (const change of changes) {
      if (change.kind === 'lock') holds.set(change.lockId, change.after);
      if (change.kind === 'forgotten-lock') holds.delete(change.lockId);
    }
  }
  return [...holds.values()].filter(isLive);
}

/** A reservation's order ends the version that it was decided for: what changed since is not its to end. */
function orders(decisions: readonly LoggedDecision[]): readonly string[] {
  return decisions.flatMap(({ command, changes }) => {
    if (command.kind !== 'release' || command.actor !== platformActor) return [];
    return changes.flatMap((change) =>
      change.kind === 'lock' && change.before !== command.version
        ? [`an order for version ${command.version} ended ${change.lockId} at ${change.before}`]
        : [],
    );
  });
}

/** All times to live are over: what is live is held as its row says and by nothing else. */
function reservations(
  state: FinalState,
  decisions: readonly LoggedDecision[],
  told: readonly InventoryOvercommitted[],
): readonly string[] {
  const holds = liveHolds(decisions);
  return [...newestRows(state).values()].flatMap((row) => {
    const own = holds.filter((hold) => reservationOf(hold) === row.id);
    if (row.status === 'CANCELLED') {
      return own.map(({ lockId }) => `sold: ${row.id} has ended, and ${lockId} is held for it`);
    }
    const wanted = `${row.room_type_id} CONFIRMED ${nightsOf(row).join(' ')}`;
    const found = own.map((hold) => `${hold.roomTypeId} ${hold.status} ${hold.nights.join(' ')}`);
    if (found.join() !== wanted) return [`sold: ${row.id} is ${wanted}, held is ${found.join()}`];
    const number = numberOf(own[0]?.roomId);
    if (number === row.room_number) return [];
    // Another's: any room of the type is held, and it was said.
    const isTold = told.some(
      ({ hold }) => hold?.reservationId === row.id && numberOf(hold.roomId) === row.room_number,
    );
    return number === null && isTold
      ? []
      : [`sold: ${row.id} has room ${row.room_number}, held is ${number}`];
  });
}

function numberOf(roomId: string | undefined): string | null {
  return roomId === undefined ? null : roomNumberOf(roomId);
}

function reservationOf({ reservationId, confirmedStay }: StoredLock): string | undefined {
  return reservationId ?? confirmedStay?.reservationId;
}

function overcommitsTold(
  { kafka }: FinalState,
  partitions: number,
): readonly InventoryOvercommitted[] {
  const events = Array.from({ length: partitions }, (_, partition) =>
    kafka.log({ topic: guardEventsTopic, partition }).committedHistory(),
  ).flat();
  return events
    .map(({ value }) => JSON.parse(String(value)) as InventoryEvent)
    .filter((event) => event.type === 'inventory.overcommitted');
}

/** Every night that was sold beyond what there is, is told of by the decision that held it. */
function overcommits(
  decisions: readonly LoggedDecision[],
  told: readonly InventoryOvercommitted[],
): readonly string[] {
  const toldOf = new Set(
    told.flatMap(({ hold, version, nights }) =>
      nights.map(({ night }) => `${hold?.lockId}@${version} ${night}`),
    ),
  );
  const held = new Map<string, StoredLock>();
  const violations: string[] = [];
  for (const change of decisions.flatMap(({ changes }) => changes)) {
    if (change.kind === 'forgotten-lock') held.delete(change.lockId);
    if (change.kind !== 'lock') continue;
    const { after } = change;
    const before = held.get(after.lockId);
    held.set(after.lockId, after);
    if (!isLive(after)) continue;
    const alike = [...held.values()].filter(
      (one) => isLive(one) && one.roomTypeId === after.roomTypeId,
    );
    for (const [night, capacity] of nightsAdded(before, after)) {
      const count = alike.filter((one) => heldNights(one).includes(night)).length;
      const name = `${after.lockId}@${after.version}`;
      if (count <= capacity || toldOf.has(`${name} ${night}`)) continue;
      violations.push(`overcommits: ${name} makes ${count} on ${night}, of ${capacity}`);
    }
  }
  return violations;
}

/** With what there is of each. */
function nightsAdded(
  before: StoredLock | undefined,
  after: StoredLock,
): readonly (readonly [string, number])[] {
  const known = before !== undefined && isLive(before) ? heldNights(before) : [];
  return [after, ...(after.confirmedStay === undefined ? [] : [after.confirmedStay])].flatMap(
    ({ nights, capacity }) =>
      nights
        .map((night, index) => [night, capacity[index] ?? Infinity] as const)
        .filter(([night]) => !known.includes(night)),
  );
}

function nightsOf({ check_in_date: from, check_out_date: to }: PlatformRow): readonly string[] {
  const nights: string[] = [];
  const prefix = from.slice(0, -2);
  for (let day = Number(from.slice(-2)); day < Number(to.slice(-2)); day += 1) {
    nights.push(`${prefix}${String(day).padStart(2, '0')}`);
  }
  return nights;
}

/** By reservation. */
function newestRows({ inputs }: FinalState): ReadonlyMap<string, PlatformRow> {
  const newest = new Map<string, { readonly lsn: number; readonly row: PlatformRow }>();
  for (const { topic, key, value } of inputs) {
    if (topic !== reservationsTopic) continue;
    const { after: row, source } = JSON.parse(value) as {
      readonly after: PlatformRow;
      readonly source: { readonly lsn: number };
    };
    const known = newest.get(key);
    if (known === undefined || known.lsn < source.lsn) newest.set(key, { lsn: source.lsn, row });
  }
  return new Map([...newest].map(([key, { row }]) => [key, row]));
}

function commands(state: FinalState, decisions: readonly LoggedDecision[]): readonly string[] {
  const effects: string[] = [];
  const decided = new Set<string>();
  for (const { command, changes, partition } of decisions) {
    if (command.kind !== 'command' || changes.length === 0) continue;
    decided.add(command.commandId);
    effects.push(`${command.commandId} in partition ${partition}`);
  }
  const twice = [...countsOf(effects)].filter(([, count]) => count > 1);
  const kept = countsOf(lettersOf(state).map(({ value }) => String(value)));
  const sent = countsOf(
    state.inputs.filter(isForGuard).flatMap(({ value }) => {
      const { metadata } = JSON.parse(value) as { readonly metadata: { commandId: string } };
      return decided.has(metadata.commandId) ? [] : [value];
    }),
  );
  const lost = [...sent].filter(([value, count]) => kept.get(value) !== count);
  return [
    ...twice.map(([name, count]) => `commands: ${name} had ${count} effects`),
    ...lost.map(([value, count]) => {
      return `commands: ${value} came ${count} times, was never done, and kept ${kept.get(value)}`;
    }),
  ];
}

function isForGuard({ topic, value }: SimulatedInput): boolean {
  return topic === commandsTopic && !isPoison(value) && value.includes(serviceId);
}

function isPoison(value: string): boolean {
  return value.startsWith('{ poison');
}

function countsOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Each record is kept at most once; what cannot be read is kept. */
function letters(state: FinalState): readonly string[] {
  const places: string[] = [];
  const all = lettersOf(state);
  for (const { headers } of all) {
    const header = (name: string): string =>
      String(headers.find(({ key }) => key === `__dlq.${name}`)?.value);
    const place = `${header('topic')}-${header('partition')}@${header('offset')}`;
    if (header('topic') !== commandsTopic) return [`letters: ${place} is no command`];
    places.push(place);
  }
  const kept = countsOf(all.map(({ value }) => String(value)));
  const sent = state.inputs.filter(
    ({ topic, value }) => topic === commandsTopic && isPoison(value),
  );
  const poison = countsOf(sent.map(({ value }) => value));
  const twice = [...countsOf(places)].filter(([, count]) => count > 1);
  const lost = [...poison].filter(([value, count]) => kept.get(value) !== count);
  return [
    ...twice.map(([place, count]) => `letters: ${place} is kept ${count} times`),
    ...lost.map(
      ([value, count]) => `letters: ${value} came ${count} times, kept ${kept.get(value)}`,
    ),
  ];
}
