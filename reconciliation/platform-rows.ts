/**
 * The platform's rows of some reservations, as one snapshot shows them: read only, and of one tenant, for
 * whom row-level security is told who asks. Bounded: so many lifecycle rows at a time.
 */
import { openDatabase, type Database, type Row } from '../database/connection.ts';
import { sqlStateOf } from '../database/sql-state.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { LifecycleColumns } from '../topology/captured/lifecycle-row.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import { propertyIdOf } from '../topology/roll/facts.ts';
import type { PropertyColumns } from '../topology/roll/property-row.ts';
import type { ReservationColumns } from '../topology/roll/reservation-row.ts';
import {
  knownProperty,
  knownReservation,
  type KnownProperty,
  type KnownReservation,
} from './captured-facts.ts';
import { groupBy } from './group-by.ts';
import { KnownDates } from './known-dates.ts';

const setting = 'PLATFORM_DATABASE_URL';
/** A command has one row; ten thousand reservations have fewer than that. */
const lifecycleRowsMax = 100_000;

export interface PlatformReservation extends KnownReservation {
  readonly reservationId: string;
  /** False: the platform has not one row of it. */
  readonly isFound: boolean;
  readonly lifecycleEvents: number;
  /** Its rows of the lifecycle table. */
  readonly commands: readonly LifecycleColumns[];
  readonly propertyId: string | undefined;
  /** Undefined: it is not known at which property it is. */
  readonly property: KnownProperty | undefined;
}

export interface Platform {
  /** Whose rows there are of this reservation, as far as the role may see them. */
  tenantsOf(reservationId: string): Promise<readonly string[]>;
  /** Runs `work` on one snapshot, as this tenant. */
  snapshot<T>(tenantId: string, work: (tables: PlatformTables) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What is asked within a snapshot. */
export interface PlatformTables {
  query(text: string, values: readonly unknown[]): Promise<readonly Row[]>;
  reservations(reservationIds: readonly string[]): Promise<readonly PlatformReservation[]>;
}

/** @throws DATABASE_UNAVAILABLE, CONFIG_INVALID naming the setting. */
export async function openPlatform(
  url: string,
  applicationName = 'rollguard replay',
): Promise<Platform> {
  if (url === '') {
    const message = `${setting} is not set: name the platform's Postgres, or start the stack (rollguard stack up)`;
    throw new RollguardError('CONFIG_INVALID', message);
  }
  const database = await openDatabase({ url, setting, applicationName, isReadOnly: true });
  const asked = { database, dates: new KnownDates() };
  return {
    tenantsOf: (reservationId) => explained(() => tenantsOf(database, reservationId)),
    snapshot: (tenantId, work) =>
      explained(() =>
        database.transaction(async () => {
          await database.query("SELECT set_config('app.current_tenant_id', $1, true)", [tenantId]);
          return work(tablesOf(asked, tenantId));
        }, 'REPEATABLE READ'),
      ),
    close: () => database.close(),
  };
}

interface Asked {
  readonly database: Database;
  /** Of all snapshots so far. */
  readonly dates: KnownDates;
}

function tablesOf(asked: Asked, tenantId: string): PlatformTables {
  return {
    query: async (text, values) => (await asked.database.query(text, values)).rows,
    reservations: (reservationIds) => readReservations(asked, tenantId, reservationIds),
  };
}

async function tenantsOf(database: Database, reservationId: string): Promise<readonly string[]> {
  const { rows } = await database.query(
    `SELECT tenant_id FROM reservations WHERE id = $1
     UNION SELECT tenant_id FROM reservation_command_lifecycle WHERE reservation_id = $1`,
    [reservationId],
  );
  return rows.map((row) => String(row['tenant_id']));
}

async function readReservations(
  asked: Asked,
  tenantId: string,
  reservationIds: readonly string[],
): Promise<readonly PlatformReservation[]> {
  const { database } = asked;
  const reservations = await readRows<ReservationColumns>(database, {
    table: 'reservations',
    where: 'tenant_id = $1 AND id = ANY($2::uuid[])',
    values: [tenantId, reservationIds],
  });
  const lifecycle = await readRows<LifecycleColumns>(database, {
    table: 'reservation_command_lifecycle',
    where: `tenant_id = $1 AND reservation_id = ANY($2::uuid[]) ORDER BY event_id LIMIT ${lifecycleRowsMax + 1}`,
    values: [tenantId, reservationIds],
  });
  if (lifecycle.length > lifecycleRowsMax) {
    const message = `${reservationIds.length} reservations have more than ${lifecycleRowsMax} lifecycle rows: compare fewer at a time`;
    throw new RollguardError('UNSUPPORTED', message);
  }
  const rowOf = new Map(reservations.map((row) => [row.id, row]));
  const commandsOf = groupBy(lifecycle, (row) => row.reservation_id);
  const known = reservationIds.map((reservationId) => {
    const rows = {
      reservation: rowOf.get(reservationId),
      lifecycle: commandsOf.get(reservationId) ?? [],
    };
    return { reservationId, rows, ...knownReservation({ tenantId, reservationId }, rows) };
  });
  const propertyIds = [...new Set(known.flatMap(({ facts }) => propertyIdOf(facts) ?? []))];
  const properties = await readProperties(asked, tenantId, propertyIds);
  return known.map(({ rows, ...reservation }) => {
    const propertyId = propertyIdOf(reservation.facts);
    return {
      ...reservation,
      isFound: rows.reservation !== undefined || rows.lifecycle.length > 0,
      lifecycleEvents: rows.lifecycle.length,
      commands: rows.lifecycle,
      propertyId,
      property: propertyId === undefined ? undefined : properties.get(propertyId),
    };
  });
}

async function readProperties(
  { database, dates }: Asked,
  tenantId: string,
  propertyIds: readonly string[],
): Promise<ReadonlyMap<string, KnownProperty>> {
  if (propertyIds.length === 0) return new Map();
  const properties = await readRows<PropertyColumns>(database, {
    table: 'properties',
    where: 'tenant_id = $1 AND id = ANY($2::uuid[])',
    values: [tenantId, propertyIds],
  });
  const { rowsOf, before } = await dates.read(database, tenantId, propertyIds);
  const rowOf = new Map(properties.map((row) => [row.id, row]));
  return new Map(
    propertyIds.map((id) => {
      const property = knownProperty({
        ...{ property: rowOf.get(id), dates: rowsOf.get(id) ?? [] },
        datesBefore: before.get(id),
      });
      if (property.hasDates) dates.remember(tenantId, id, property);
      return [id, property];
    }),
  );
}

/** The columns that the stream reads too, and no others. */
async function readRows<Columns>(
  database: Database,
  wanted: {
    readonly table: keyof typeof capturedColumns;
    readonly where: string;
    readonly values: readonly unknown[];
  },
): Promise<readonly Columns[]> {
  const columns = capturedColumns[wanted.table].join(', ');
  const text = `SELECT ${columns} FROM ${wanted.table} WHERE ${wanted.where}`;
  const { rows } = await database.query(text, wanted.values);
  return rows as readonly Columns[];
}

/** A statement that fails says which database it is, and what may be wrong with it. */
async function explained<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    const message = `${setting}: ${messageOf(error)}; it must be the platform's database, read by a role that may SELECT there`;
    throw new RollguardError('CONFIG_INVALID', message, { cause: error });
  }
}
