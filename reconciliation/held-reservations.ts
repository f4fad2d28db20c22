/**
 * What the guard has to know of some reservations, read in the platform's snapshot with the functions that
 * the stream reads them with; and their holds as the table has them. A reservation with a row that cannot
 * be used is left out: what is to be held for it is not known.
 */
import { isRollguardError } from '../kernel/errors.ts';
import type { Row } from '../database/connection.ts';
import type { LifecycleColumns } from '../topology/captured/lifecycle-row.ts';
import type { PropertyRecord } from '../topology/guard/catalogue.ts';
import { propertyInput } from '../topology/guard/catalogue-rows.ts';
import {
  commandFactOf,
  reservationColumns,
  reservationFactOf,
  type PlatformFact,
  type ReservationRowFact,
  type ReservationStayColumns,
} from '../topology/guard/reservations/reservation-fact.ts';
import { groupBy } from './group-by.ts';
import type { HeldReservation } from './lock-drift.ts';
import type { PlatformReservation, PlatformTables } from './platform-rows.ts';
import { holdColumns, storedHoldOf, type StoredHold } from './stored-hold.ts';
import type { LedgerTable } from './table-side.ts';

export type SoldReservation = Omit<HeldReservation, 'holds'>;

/** A reservation has one hold, and a few when it changes. */
const holdsMax = 200_000;

export async function readSold(
  tables: PlatformTables,
  tenantId: string,
  reservations: readonly PlatformReservation[],
): Promise<readonly SoldReservation[]> {
  const ids = reservations.map(({ reservationId }) => reservationId);
  const rows = await tables.query(
    `SELECT ${reservationColumns.reservations.join(', ')} FROM reservations
     WHERE tenant_id = $1 AND id = ANY($2::uuid[])`,
    [tenantId, ids],
  );
  const rowOf = new Map(rows.map((row) => [row['id'], row]));
  const sold = reservations.flatMap(({ reservationId, commands }) => {
    const facts = factsOf(rowOf.get(reservationId), commands);
    return facts === undefined ? [] : [{ tenantId, reservationId, ...facts }];
  });
  const properties = await readProperties(tables, tenantId, sold);
  const rooms = await readRooms(tables, tenantId, sold);
  return sold.map(({ reservationId, row, facts }) => ({
    ...{ tenantId, reservationId, facts },
    property: row === undefined ? undefined : properties.get(row.propertyId),
    roomId: row === undefined ? undefined : rooms.get(roomKey(row)),
  }));
}

export async function readHolds(
  query: LedgerTable['query'],
  tenantId: string,
  sold: readonly SoldReservation[],
): Promise<readonly HeldReservation[]> {
  const ids = sold.map(({ reservationId }) => reservationId);
  const rows = await query(
    `SELECT ${holdColumns.join(', ')} FROM inventory_locks_shadow
     WHERE tenant_id = $1 AND reservation_id = ANY($2::uuid[]) ORDER BY id LIMIT ${holdsMax}`,
    [tenantId, ids],
  );
  const holdsOf: ReadonlyMap<string, readonly StoredHold[]> = groupBy(
    rows.map(storedHoldOf),
    (hold) => hold.reservationId,
  );
  return sold.map((each) => ({ ...each, holds: holdsOf.get(each.reservationId) ?? [] }));
}

/** Undefined: a row cannot be used. */
function factsOf(
  row: Row | undefined,
  commands: readonly LifecycleColumns[],
):
  | { readonly row: ReservationRowFact | undefined; readonly facts: readonly PlatformFact[] }
  | undefined {
  try {
    const source = { snapshot: 'true' };
    const after = row as unknown as ReservationStayColumns | undefined;
    const fact = reservationFactOf({ before: undefined, after, source });
    const applied = commands.flatMap((command) => commandFactOf(command) ?? []);
    return { row: fact, facts: [...(fact === undefined ? [] : [fact]), ...applied] };
  } catch (error) {
    if (!isRollguardError(error, 'DECODE_FAILED')) throw error;
    return undefined;
  }
}

interface WithRow {
  readonly row: ReservationRowFact | undefined;
}

async function readProperties(
  tables: PlatformTables,
  tenantId: string,
  sold: readonly WithRow[],
): Promise<ReadonlyMap<string, PropertyRecord>> {
  const ids = [...new Set(sold.flatMap(({ row }) => row?.propertyId ?? []))];
  const rows = await tables.query(
    `SELECT id, tenant_id, timezone, config FROM properties
     WHERE tenant_id = $1 AND id = ANY($2::uuid[])`,
    [tenantId, ids],
  );
  return new Map(
    rows.flatMap((row) => {
      try {
        const { propertyId, row: property } = propertyInput(row);
        return [[propertyId, property] as const];
      } catch (error) {
        if (!isRollguardError(error, 'DECODE_FAILED')) throw error;
        return [];
      }
    }),
  );
}

/** Ids by property, type and number: a room of another type than the row's is none of its. */
async function readRooms(
  tables: PlatformTables,
  tenantId: string,
  sold: readonly WithRow[],
): Promise<ReadonlyMap<string, string>> {
  const named = sold.flatMap(({ row }) => (row?.roomNumber === undefined ? [] : [row]));
  if (named.length === 0) return new Map();
  const rows = await tables.query(
    `SELECT id, property_id, room_type_id, room_number FROM rooms
     WHERE tenant_id = $1 AND is_deleted IS NOT TRUE
       AND property_id = ANY($2::uuid[]) AND room_number = ANY($3::text[])`,
    [
      tenantId,
      [...new Set(named.map(({ propertyId }) => propertyId))],
      [...new Set(named.map(({ roomNumber }) => roomNumber))],
    ],
  );
  return new Map(
    rows.map((row) => {
      const [propertyId, roomTypeId] = [String(row['property_id']), String(row['room_type_id'])];
      const roomNumber = String(row['room_number']);
      return [roomKey({ propertyId, roomTypeId, roomNumber }), String(row['id'])];
    }),
  );
}

function roomKey({
  propertyId,
  roomTypeId,
  roomNumber,
}: Pick<ReservationRowFact, 'propertyId' | 'roomTypeId' | 'roomNumber'>): string {
  return JSON.stringify([propertyId, roomTypeId, roomNumber ?? null]);
}
