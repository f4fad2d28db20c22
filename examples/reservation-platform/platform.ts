/**
 * The platform as a writer. Every accepted command is one INSERT into the lifecycle table beside its
 * outbox row; each state it then reaches is one UPDATE that appends to `state_transitions` and
 * overwrites `current_state`, whatever stood there; its reservation row is written right before the
 * first APPLIED. Commands of different reservations walk together, a statement per step, so a reader
 * of the change stream sees every single change and the writer pays for few statements.
 */
import type {
  AdvanceDateAction,
  ChainSetup,
  CommandAction,
  PlatformAction,
  ReservationRow,
  RowChangeAction,
} from './model.ts';
import { createsReservation } from './model.ts';
import { addDays } from './local-time.ts';
import type { PlatformDatabase } from './database.ts';
import {
  isoText,
  lifecycleRecord,
  outboxRecord,
  outboxStatusAt,
  paymentRecord,
  transitionRecord,
} from './records.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import * as statements from './statements.ts';

/** Commands in one statement at most; bounds the size of its JSON parameter to a few MB. */
const waveActionsMax = 1000;

export interface WriteCounts {
  readonly commands: number;
  /** Rows inserted or updated in the tables that are captured (outbox and payments are not). */
  readonly rowChanges: number;
}

/** Writes tenants, properties, room types, rooms and the first open business dates; what exists stays. */
export async function writeSetup(database: PlatformDatabase, setup: ChainSetup): Promise<number> {
  const openDates = setup.properties.map((property) => ({
    id: businessDateId(property.id, setup.firstBusinessDate),
    tenant_id: property.tenant_id,
    property_id: property.id,
    business_date: setup.firstBusinessDate,
  }));
  await run(database, statements.insertTenants, setup.tenants);
  let rowChanges = await run(database, statements.insertProperties, setup.properties);
  await run(database, statements.insertRoomTypes, setup.roomTypes);
  rowChanges += await run(database, statements.insertRooms, setup.rooms);
  rowChanges += await run(database, statements.insertFirstBusinessDates, openDates);
  return rowChanges;
}

/**
 * Executes actions in their order, inside the caller's transaction. Neighbours of different
 * reservations share their statements; actions of one reservation never overtake each other.
 */
export async function applyActions(
  database: PlatformDatabase,
  actions: readonly PlatformAction[],
): Promise<WriteCounts> {
  let commands = 0;
  let rowChanges = 0;
  for (const wave of wavesOf(actions)) {
    commands += wave.commands.length;
    rowChanges += await updateReservations(database, wave.rowChanges);
    rowChanges += await walkCommands(database, wave.commands);
    rowChanges += await advanceDates(database, wave.advances);
  }
  return { commands, rowChanges };
}

interface Wave {
  readonly commands: CommandAction[];
  readonly rowChanges: RowChangeAction[];
  readonly advances: AdvanceDateAction[];
}

/** Cuts the actions where a reservation or property comes a second time, or a date ends or begins. */
function* wavesOf(actions: readonly PlatformAction[]): Generator<Wave> {
  let wave: Wave = { commands: [], rowChanges: [], advances: [] };
  const subjects = new Set<string>();
  let advancing = false;
  for (const action of actions) {
    const isAdvance = action.kind === 'advance-date';
    const subject = isAdvance ? action.propertyId : action.reservation.id;
    const full = subjects.has(subject) || subjects.size === waveActionsMax;
    if (subjects.size > 0 && (full || isAdvance !== advancing)) {
      yield wave;
      wave = { commands: [], rowChanges: [], advances: [] };
      subjects.clear();
    }
    subjects.add(subject);
    advancing = isAdvance;
    if (isAdvance) wave.advances.push(action);
    else if (action.kind === 'command') wave.commands.push(action);
    else wave.rowChanges.push(action);
  }
  if (subjects.size > 0) yield wave;
}

async function walkCommands(
  database: PlatformDatabase,
  commands: readonly CommandAction[],
): Promise<number> {
  await run(database, statements.insertOutbox, commands.map(outboxRecord));
  let rowChanges = await run(database, statements.insertLifecycle, commands.map(lifecycleRecord));
  const stepCount = Math.max(0, ...commands.map((command) => command.path.length));
  for (let step = 0; step < stepCount; step += 1) {
    const walking = commands.filter((command) => step < command.path.length);
    const applying = walking.filter(
      (command) => command.path.findIndex(({ state }) => state === 'APPLIED') === step,
    );
    rowChanges += await applyToReservations(database, applying, step);
    const transitions = walking.map((command) => transitionRecord(command, step));
    rowChanges += await run(database, statements.updateLifecycle, transitions);
    const deliveries = walking
      .map((command) => outboxStatusAt(command, step))
      .filter((delivery) => delivery !== undefined);
    await run(database, statements.updateOutbox, deliveries);
  }
  return rowChanges;
}

async function applyToReservations(
  database: PlatformDatabase,
  commands: readonly CommandAction[],
  step: number,
): Promise<number> {
  const changes = commands.map((command) => ({
    kind: 'row-change' as const,
    atMs: command.path[step]?.atMs ?? command.atMs,
    reservation: command.reservation,
    isNew: createsReservation(command.commandName),
  }));
  const created = changes.filter(({ isNew }) => isNew);
  const inserted = await run(
    database,
    statements.insertReservations,
    created.map(({ reservation, atMs }) => ({
      ...datedRow(reservation, atMs),
      created_at: isoText(atMs),
    })),
  );
  const updated = await updateReservations(
    database,
    changes.filter(({ isNew }) => !isNew),
  );
  const checkOuts = commands.filter(({ commandName }) => commandName === 'reservation.check_out');
  await run(database, statements.insertPayments, checkOuts.map(paymentRecord));
  return inserted + updated;
}

function updateReservations(
  database: PlatformDatabase,
  changes: readonly RowChangeAction[],
): Promise<number> {
  const rows = changes.map(({ reservation, atMs }) => datedRow(reservation, atMs));
  return run(database, statements.updateReservations, rows);
}

function datedRow(reservation: ReservationRow, atMs: number): Record<string, unknown> {
  return { ...reservation, updated_at: isoText(atMs) };
}

async function advanceDates(
  database: PlatformDatabase,
  advances: readonly AdvanceDateAction[],
): Promise<number> {
  const records = advances.map((advance) => {
    const nextDate = addDays(advance.businessDate, 1);
    return {
      id: businessDateId(advance.propertyId, nextDate),
      tenant_id: advance.tenantId,
      property_id: advance.propertyId,
      closed_date: advance.businessDate,
      next_date: nextDate,
      rolled_at: isoText(advance.atMs),
    };
  });
  const closed = await run(database, statements.closeBusinessDates, records);
  return closed + (await run(database, statements.openBusinessDates, records));
}

/** One statement with all records in one JSON parameter; none when there is nothing to write. */
async function run(
  database: PlatformDatabase,
  statement: string,
  records: readonly object[],
): Promise<number> {
  if (records.length === 0) return 0;
  return (await database.query(statement, [JSON.stringify(records)])).rowCount;
}

function businessDateId(propertyId: string, date: string): string {
  return uuidV5(propertyId, date);
}
