/**
 * One batch: one transaction that sees one state of the platform's database, with the version that all
 * its rows therefore have. Rows of one tenant only, and the tenant is set for the platform's row-level
 * security, so that a role without BYPASSRLS reads what a role with it does.
 *
 *   forward       commands after a position, in the order of creation and, within a microsecond, of ids
 *   late          commands up to a position whose row, or whose reservation's, a snapshot did not see
 *   reservations  reservations that a snapshot did not see; without one, those that no command names
 *
 * Whether a row was seen, its `xmin` says: the transaction, or the part of one, that wrote it.
 */
import type { Database, Row } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import { lifecycleTable } from '../topology/captured/lifecycle-row.ts';
import { backfillVersion } from '../topology/captured/row-version.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import type { KnownVersions } from './known-versions.ts';
import { RowFacts } from './row-facts.ts';

const reservationsTable = 'reservations';

/** Where a row stands among its tenant's, in Postgres' own text: no microsecond is lost. */
export interface RowPosition {
  readonly createdAt: string;
  readonly eventId: string;
}

/** What a transaction saw, and when it began; both as Postgres says it. */
export interface Seen {
  readonly snapshot: string;
  readonly at: string;
}

/** Of a run by hand; those of the service have none. */
export interface RowFilter {
  /** Created at or after it, and before the other. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** The command's `current_state`. */
  readonly state?: string | undefined;
}

export type RowQuery =
  | {
      readonly kind: 'forward';
      readonly after: RowPosition | undefined;
      readonly filter: RowFilter;
    }
  | {
      readonly kind: 'late';
      /** Of the page before; undefined: none. */
      readonly after: RowPosition | undefined;
      readonly upTo: RowPosition;
      readonly unseenBy: string;
      /** Created since so long before an instant; undefined: whenever. */
      readonly within: { readonly before: string; readonly seconds: number } | undefined;
    }
  | {
      readonly kind: 'reservations';
      /** Reservation id of the page before. */
      readonly after: string | undefined;
      /** Undefined: those that no command names. */
      readonly unseenBy: string | undefined;
    };

export interface ReadBatch {
  /** Lifecycle rows; of the last kind, reservations. */
  readonly rowCount: number;
  readonly facts: RowFacts;
  /** Undefined: there was no row. */
  readonly last: RowPosition | undefined;
  /** Of the last kind: id of the last row. */
  readonly lastReservationId: string | undefined;
  readonly seen: Seen;
  /** False: fewer rows than a batch were left. */
  readonly hasMore: boolean;
}

export interface ReadOptions {
  readonly tenantId: string;
  readonly batchRows: number;
  /** Reservations that need not be read: their versions are. Those that are read are added. */
  readonly known: KnownVersions;
  /** Of the capture that is read beside; undefined: the first. */
  readonly epoch?: number | undefined;
}

/** @throws DATABASE_UNAVAILABLE; UNSUPPORTED on a standby. */
export async function readRows(
  database: Database,
  query: RowQuery,
  { tenantId, batchRows, known, epoch }: ReadOptions,
): Promise<ReadBatch> {
  return database.transaction(async () => {
    const { seen, lsn, xmax } = await begin(database, tenantId);
    const version = backfillVersion({ lsn, snapshot: seen.snapshot, epoch });
    const { text, values } = statementOf(query, { tenantId, xmax });
    const { rows } = await database.query(`${text} LIMIT ${batchRows}`, values);
    const facts = new RowFacts();
    if (query.kind !== 'reservations') {
      for (const row of rows) if (isNewCommand(row, known)) facts.addCommand(row, version);
    }
    const ids = newVersions(rows, known);
    if (ids.length > 0) {
      const found = await database.query(reservationsText, [tenantId, ids]);
      for (const row of found.rows) facts.addReservation(row, version);
    }
    const last = rows.at(-1);
    return {
      ...{ rowCount: rows.length, facts, seen, hasMore: rows.length === batchRows },
      last:
        last === undefined || query.kind === 'reservations'
          ? undefined
          : { createdAt: String(last['created_at']), eventId: String(last['event_id']) },
      lastReservationId: last && String(last[versionId]),
    };
  }, 'REPEATABLE READ');
}

/** False: this version was published, and came again since an older transaction was open. */
function isNewCommand(row: Row, known: KnownVersions): boolean {
  const [id, xmin] = [String(row['event_id']), String(row[commandXmin])];
  if (known.has(id, xmin)) return false;
  if (row[mayComeAgain] === true) known.add(id, xmin);
  return true;
}

/** Reservations of these rows whose version was not read yet, each once. */
function newVersions(rows: readonly Row[], known: KnownVersions): readonly string[] {
  const ids = new Set<string>();
  for (const row of rows) {
    const [id, xmin] = [row[versionId], row[versionXmin]];
    if (typeof id !== 'string' || typeof xmin !== 'string' || known.has(id, xmin)) continue;
    known.add(id, xmin);
    ids.add(id);
  }
  return [...ids];
}

/** Commands of the tenant after a position: what a run has before it. */
export async function countRows(
  database: Database,
  query: Extract<RowQuery, { kind: 'forward' }>,
  tenantId: string,
): Promise<number> {
  return database.transaction(async () => {
    await begin(database, tenantId);
    const { where, values } = forward(query, tenantId);
    const text = `SELECT count(*) AS rows FROM ${lifecycleTable} l WHERE ${where}`;
    const { rows } = await database.query(text, values);
    return Number(rows[0]?.['rows'] ?? 0);
  }, 'REPEATABLE READ');
}

/** The setting's value ends with the transaction. The LSN is asked for when the snapshot is taken. */
const beginText = `
  SELECT set_config('app.current_tenant_id', $1, true), pg_is_in_recovery() AS standby,
         pg_current_snapshot()::text AS snapshot,
         CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn()::text END AS lsn,
         now()::text AS at`;

async function begin(
  database: Database,
  tenantId: string,
): Promise<{ readonly seen: Seen; readonly lsn: string; readonly xmax: string }> {
  const { rows } = await database.query(beginText, [tenantId]);
  const { standby, snapshot, lsn, at } = rows[0] ?? {};
  if (standby === true) {
    const message =
      'PLATFORM_DATABASE_URL is a standby, which does not say which transactions run: the backfill could not tell an old row from a new one; name the primary';
    throw new RollguardError('UNSUPPORTED', message);
  }
  const seen = { snapshot: String(snapshot), at: String(at) };
  const [, xmax = '0'] = seen.snapshot.split(':');
  return { seen, lsn: String(lsn), xmax };
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Of a reservation, beside what a command says: the version is read only if it is new. */
const [versionId, versionXmin] = ['version_id', 'version_xmin'];
const version = `r.id AS ${versionId}, r.xmin::text AS ${versionXmin}`;
const reservationsText = `
  SELECT ${capturedColumns.reservations.join(', ')} FROM ${reservationsTable}
  WHERE tenant_id = $1 AND id = ANY($2::uuid[])`;
const commandColumns = capturedColumns[lifecycleTable].map((name) => `l.${name}`).join(', ');
/** Of a command: which version it is, and whether a later look will not know it for seen. */
const [commandXmin, mayComeAgain] = ['command_xmin', 'may_come_again'];
const ownXmax = 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint';
const joined = `
  SELECT ${commandColumns}, ${version}, l.xmin::text AS ${commandXmin},
         ${idOf('l', ownXmax)} >= pg_snapshot_xmin(pg_current_snapshot()) AS ${mayComeAgain}
  FROM ${lifecycleTable} l
  LEFT JOIN ${reservationsTable} r ON r.id = l.reservation_id AND r.tenant_id = l.tenant_id`;
const inOrder = 'ORDER BY l.created_at, l.event_id';

function statementOf(
  query: RowQuery,
  { tenantId, xmax }: { readonly tenantId: string; readonly xmax: string },
): Statement {
  switch (query.kind) {
    case 'forward': {
      const { where, values } = forward(query, tenantId);
      return { text: `${joined} WHERE ${where} ${inOrder}`, values };
    }
    case 'late':
      return late(query, tenantId, xmax);
    case 'reservations':
      return reservations(query, tenantId, xmax);
  }
}

function forward(
  { after, filter }: Extract<RowQuery, { kind: 'forward' }>,
  tenantId: string,
): { readonly where: string; readonly values: readonly unknown[] } {
  const values: unknown[] = [tenantId];
  const value = (each: unknown): string => `$${values.push(each)}`;
  const { since, until, state } = filter;
  const where = [
    'l.tenant_id = $1',
    ...(after === undefined ? [] : isAfter(after, value)),
    ...(since === undefined ? [] : [`l.created_at >= ${value(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`l.created_at < ${value(until)}::timestamptz`]),
    ...(state === undefined ? [] : [`l.current_state::text = ${value(state)}`]),
  ];
  return { where: where.join(' AND '), values };
}

function late(
  { after, upTo, unseenBy, within }: Extract<RowQuery, { kind: 'late' }>,
  tenantId: string,
  xmax: string,
): Statement {
  const values: unknown[] = [tenantId, unseenBy, xmax];
  const value = (each: unknown): string => `$${values.push(each)}`;
  const end = `(${value(upTo.createdAt)}::timestamptz, ${value(upTo.eventId)}::uuid)`;
  const where = [
    'l.tenant_id = $1',
    `(l.created_at, l.event_id) <= ${end}`,
    ...(after === undefined ? [] : isAfter(after, value)),
    ...(within === undefined ? [] : [isWithin(within, value)]),
    `(${isUnseen('l')} OR ${isUnseen('r')})`,
  ];
  return { text: `${joined} WHERE ${where.join(' AND ')} ${inOrder}`, values };
}

function reservations(
  { after, unseenBy }: Extract<RowQuery, { kind: 'reservations' }>,
  tenantId: string,
  xmax: string,
): Statement {
  const values: unknown[] = [tenantId];
  if (unseenBy !== undefined) values.push(unseenBy, xmax);
  const value = (each: unknown): string => `$${values.push(each)}`;
  const isNamed = `EXISTS (SELECT FROM ${lifecycleTable} l WHERE l.reservation_id = r.id AND l.tenant_id = r.tenant_id)`;
  const where = [
    'r.tenant_id = $1',
    unseenBy === undefined ? `NOT ${isNamed}` : isUnseen('r'),
    ...(after === undefined ? [] : [`r.id > ${value(after)}::uuid`]),
  ];
  const text = `SELECT ${version} FROM ${reservationsTable} r`;
  return { text: `${text} WHERE ${where.join(' AND ')} ORDER BY r.id`, values };
}

function isWithin(
  { before, seconds }: { readonly before: string; readonly seconds: number },
  value: (each: unknown) => string,
): string {
  const length = `make_interval(secs => ${value(seconds)}::float8)`;
  return `l.created_at >= ${value(before)}::timestamptz - ${length}`;
}

/** The first condition is the one an index on the creation serves. */
function isAfter(
  { createdAt, eventId }: RowPosition,
  value: (each: unknown) => string,
): readonly string[] {
  const [at, id] = [value(createdAt), value(eventId)];
  return [
    `l.created_at >= ${at}::timestamptz`,
    `(l.created_at, l.event_id) > (${at}::timestamptz, ${id}::uuid)`,
  ];
}

/**
 * $2 is the snapshot that is asked, $3 our own one's `xmax`. Whether it lists the id says nothing: of a
 * savepoint's rows `xmin` is the savepoint's own id, which is in no list; it is above its transaction's.
 */
function isUnseen(alias: 'l' | 'r'): string {
  return `${idOf(alias, '$3::bigint')} >= pg_snapshot_xmin($2::pg_snapshot)`;
}

/**
 * A row's `xmin` has the lower 32 bits of an id. Its transaction is visible to us, so the id is the
 * nearest one below our snapshot's `xmax`. One that began anew since looks younger than it is: then the
 * row is read once more than it had to be.
 */
function idOf(alias: 'l' | 'r', xmax: string): string {
  const age = `mod(mod(${xmax} - 1 - ${alias}.xmin::text::bigint, 4294967296) + 4294967296, 4294967296)`;
  return `greatest(${xmax} - 1 - ${age}, 3)::text::xid8`;
}
