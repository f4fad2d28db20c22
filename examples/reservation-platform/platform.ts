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

/** Reservations in one statement at most; bounds the size of its JSON parameter to a few MB. */
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
  const batch = new StatementBatch(database);
  batch.run(statements.insertTenants, setup.tenants);
  batch.runCaptured(statements.insertProperties, setup.properties);
  batch.run(statements.insertRoomTypes, setup.roomTypes);
  batch.runCaptured(statements.insertRooms, setup.rooms);
  batch.runCaptured(statements.insertFirstBusinessDates, openDates);
  return batch.capturedRowChanges();
}

/**
 * Executes actions inside the caller's transaction. Neighbours of different reservations share their
 * statements; actions of one reservation never overtake each other, and a property's date is closed
 * after all that came before it there and before all that comes after.
 */
export async function applyActions(
  database: PlatformDatabase,
  actions: readonly PlatformAction[],
): Promise<WriteCounts> {
  const batch = new StatementBatch(database);
  let commands = 0;
  for (const wave of wavesOf(actions)) {
    commands += wave.commands.length;
    updateReservations(batch, wave.rowChanges);
    walkCommands(batch, wave.commands);
    advanceDates(batch, wave.advances);
  }
  return { commands, rowChanges: await batch.capturedRowChanges() };
}

/** Actions that go through their statements together, the closing of dates last. */
class Wave {
  readonly commands: CommandAction[] = [];
  readonly rowChanges: RowChangeAction[] = [];
  readonly advances: AdvanceDateAction[] = [];
  readonly #reservationIds = new Set<string>();
  readonly #advancedPropertyIds = new Set<string>();

  /** False when the action must come after one that is in the wave, or the wave is full. */
  takes(action: PlatformAction): boolean {
    if (action.kind === 'advance-date') return !this.#advancedPropertyIds.has(action.propertyId);
    const { id, property_id } = action.reservation;
    return (
      !this.#reservationIds.has(id) &&
      !this.#advancedPropertyIds.has(property_id) &&
      this.#reservationIds.size < waveActionsMax
    );
  }

  add(action: PlatformAction): void {
    if (action.kind === 'advance-date') {
      this.advances.push(action);
      this.#advancedPropertyIds.add(action.propertyId);
      return;
    }
    this.#reservationIds.add(action.reservation.id);
    if (action.kind === 'command') this.commands.push(action);
    else this.rowChanges.push(action);
  }
}

function wavesOf(actions: readonly PlatformAction[]): Wave[] {
  let wave = new Wave();
  const waves = [wave];
  for (const action of actions) {
    if (!wave.takes(action)) {
      wave = new Wave();
      waves.push(wave);
    }
    wave.add(action);
  }
  return waves;
}

function walkCommands(batch: StatementBatch, commands: readonly CommandAction[]): void {
  batch.run(statements.insertOutbox, commands.map(outboxRecord));
  batch.runCaptured(statements.insertLifecycle, commands.map(lifecycleRecord));
  const stepCount = Math.max(0, ...commands.map((command) => command.path.length));
  for (let step = 0; step < stepCount; step += 1) {
    const walking = commands.filter((command) => step < command.path.length);
    const applying = walking.filter(
      (command) => command.path.findIndex(({ state }) => state === 'APPLIED') === step,
    );
    applyToReservations(batch, applying, step);
    const transitions = walking.map((command) => transitionRecord(command, step));
    batch.runCaptured(statements.updateLifecycle, transitions);
    const deliveries = walking
      .map((command) => outboxStatusAt(command, step))
      .filter((delivery) => delivery !== undefined);
    batch.run(statements.updateOutbox, deliveries);
  }
}

function applyToReservations(
  batch: StatementBatch,
  commands: readonly CommandAction[],
  step: number,
): void {
  const created: Record<string, unknown>[] = [];
  const changed: RowChangeAction[] = [];
  for (const { commandName, reservation, path, atMs } of commands) {
    const appliedAtMs = path[step]?.atMs ?? atMs;
    if (createsReservation(commandName)) {
      created.push({ ...datedRow(reservation, appliedAtMs), created_at: isoText(appliedAtMs) });
    } else {
      changed.push({ kind: 'row-change', atMs: appliedAtMs, reservation });
    }
  }
  batch.runCaptured(statements.insertReservations, created);
  updateReservations(batch, changed);
  const checkOuts = commands.filter(({ commandName }) => commandName === 'reservation.check_out');
  batch.run(statements.insertPayments, checkOuts.map(paymentRecord));
}

function updateReservations(batch: StatementBatch, changes: readonly RowChangeAction[]): void {
  const rows = changes.map(({ reservation, atMs }) => datedRow(reservation, atMs));
  batch.runCaptured(statements.updateReservations, rows);
}

function datedRow(reservation: ReservationRow, atMs: number): Record<string, unknown> {
  return { ...reservation, updated_at: isoText(atMs) };
}

function advanceDates(batch: StatementBatch, advances: readonly AdvanceDateAction[]): void {
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
  batch.runCaptured(statements.closeBusinessDates, records);
  batch.runCaptured(statements.openBusinessDates, records);
}

function businessDateId(propertyId: string, date: string): string {
  return uuidV5(propertyId, date);
}

/** Statements sent one behind the other without waiting in between; the caller waits once for all. */
class StatementBatch {
  readonly #database: PlatformDatabase;
  readonly #sent: Promise<number>[] = [];

  constructor(database: PlatformDatabase) {
    this.#database = database;
  }

  /** Sends the statement with all records in one JSON parameter; nothing when there are none. */
  run(statement: string, records: readonly object[]): void {
    this.#send(statement, records, () => 0);
  }

  /** The same for a table that is captured: its row changes count. */
  runCaptured(statement: string, records: readonly object[]): void {
    this.#send(statement, records, (rowCount) => rowCount);
  }

  /** Waits for every statement; fails as the first one that failed. */
  async capturedRowChanges(): Promise<number> {
    const counts = await Promise.all(this.#sent);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #send(
    statement: string,
    records: readonly object[],
    counted: (rowCount: number) => number,
  ): void {
    if (records.length === 0) return;
    const result = this.#database.query(statement, [JSON.stringify(records)]);
    this.#sent.push(result.then(({ rowCount }) => counted(rowCount)));
  }
}
