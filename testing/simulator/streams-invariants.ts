/**
 * What must hold of the guard among the platform's streams, from durable things only: what is sold is held
 * and nothing that has ended is, a command has one effect, what cannot be used is kept once.
 */
import { readDecisionLine, type LoggedDecision } from '../../topology/guard/decision-log.ts';
import { isLive } from '../../topology/guard/lock.ts';
import type { StoredLock } from '../../topology/guard/stored-lock.ts';
import { applicationId } from './machine.ts';
import type { FinalState } from './scenario.ts';
import { commandsTopic, reservationsTopic, type PlatformRow } from './streams-workload.ts';

export function streamsViolations(state: FinalState, partitions: number): readonly string[] {
  const decisions: LoggedDecision[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const log = state.kafka.log({ topic: `${applicationId}-decisions`, partition });
    for (const { value } of log.committedHistory()) {
      decisions.push(readDecisionLine(value ?? Buffer.alloc(0)));
    }
  }
  return [...reservations(state, decisions), ...commands(decisions), ...letters(state)];
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

function reservations(state: FinalState, decisions: readonly LoggedDecision[]): readonly string[] {
  const holds = liveHolds(decisions);
  return [...newestRows(state).values()].flatMap((row) => {
    const own = holds.filter(({ reservationId }) => reservationId === row.id);
    // While a change of it waits, the stay that was confirmed is held beside it.
    const found = own.flatMap(({ roomTypeId, status, nights, confirmedStay }) => [
      `${roomTypeId} ${status} ${nights.join(' ')}`,
      ...(confirmedStay ? [`${roomTypeId} CONFIRMED ${confirmedStay.nights.join(' ')}`] : []),
    ]);
    if (row.status === 'CANCELLED') {
      // Somebody may have asked for it again; that is tentative.
      const kept = own.filter(({ status }) => status === 'CONFIRMED');
      return kept.map(({ lockId }) => `sold: ${row.id} has ended, and ${lockId} is held for it`);
    }
    const wanted = `${row.room_type_id} CONFIRMED ${nightsOf(row).join(' ')}`;
    if (found.includes(wanted)) return [];
    return [`sold: ${row.id} is ${wanted}, held is ${found.join(', ')}`];
  });
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

function commands(decisions: readonly LoggedDecision[]): readonly string[] {
  const effects = new Map<string, number>();
  for (const { command, changes, partition } of decisions) {
    if (command.kind !== 'command' || changes.length === 0) continue;
    const name = `${command.commandId} in partition ${partition}`;
    effects.set(name, (effects.get(name) ?? 0) + 1);
  }
  return [...effects]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `commands: ${name} had ${count} effects`);
}

/** Each record is kept at most once; what cannot be read is kept. */
function letters({ kafka, inputs }: FinalState): readonly string[] {
  const log = kafka.log({ topic: `${applicationId}-dlq`, partition: 0 });
  const places = new Map<string, number>();
  const kept = new Map<string, number>();
  for (const { headers, value } of log.committedHistory()) {
    const header = (name: string): string =>
      String(headers.find(({ key }) => key === `__dlq.${name}`)?.value);
    const place = `${header('topic')}-${header('partition')}@${header('offset')}`;
    places.set(place, (places.get(place) ?? 0) + 1);
    if (header('topic') !== commandsTopic) return [`letters: ${place} is no command`];
    kept.set(String(value), (kept.get(String(value)) ?? 0) + 1);
  }
  const twice = [...places].filter(([, count]) => count > 1);
  const poison = new Map<string, number>();
  for (const { topic, value } of inputs) {
    if (topic !== commandsTopic || !value.startsWith('{ poison')) continue;
    poison.set(value, (poison.get(value) ?? 0) + 1);
  }
  const lost = [...poison].filter(([value, count]) => kept.get(value) !== count);
  return [
    ...twice.map(([place, count]) => `letters: ${place} is kept ${count} times`),
    ...lost.map(
      ([value, count]) => `letters: ${value} came ${count} times, kept ${kept.get(value)}`,
    ),
  ];
}
