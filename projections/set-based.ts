/** Many rows with one statement: each column travels as one array. */
import type { Database } from '../database/connection.ts';

export interface Column<Row> {
  readonly name: string;
  /** Postgres's name of its type. */
  readonly type: string;
  readonly of: (row: Row) => string | number | boolean | null;
}

export interface TableShape<Row> {
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: readonly Column<Row>[];
  /** Columns that an update leaves as they are. */
  readonly kept?: readonly string[];
  /** A condition of the update, on the row that is there (by the table's name) and the new one (`excluded`). */
  readonly onlyIf?: string;
}

type Write<Row> = (database: Database, rows: readonly Row[]) => Promise<number>;

/**
 * Inserts rows, or updates those whose key is there; `updated_at` is then the transaction's time. A key may
 * come once only. Resolves with how many rows were written.
 */
export function upsertInto<Row>(shape: TableShape<Row>): Write<Row> {
  const { key, columns, kept = [], onlyIf } = shape;
  const updates = columns
    .map(({ name }) => name)
    .filter((name) => !key.includes(name) && !kept.includes(name))
    .map((name) => `${name} = excluded.${name}`);
  const condition = onlyIf === undefined ? '' : ` WHERE ${onlyIf}`;
  return writeInto(shape, `DO UPDATE SET ${updates.join(', ')}, updated_at = now()${condition}`);
}

/** Inserts the rows whose key is not there. */
export function insertNewInto<Row>(shape: TableShape<Row>): Write<Row> {
  return writeInto(shape, 'DO NOTHING');
}

function writeInto<Row>({ table, key, columns }: TableShape<Row>, onConflict: string): Write<Row> {
  const names = columns.map(({ name }) => name).join(', ');
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  const text = `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays})
    ON CONFLICT (${key.join(', ')}) ${onConflict}`;
  return async (database, rows) => {
    if (rows.length === 0) return 0;
    const values = columns.map((column) => arrayText(column, rows));
    return (await database.query(text, values)).rowCount;
  };
}

/** Types whose text needs no quotes in an array. */
const plainTypes = new Set(['uuid', 'date', 'bigint', 'boolean', 'timestamptz']);

/** Postgres's text of an array; the driver's own looks for quotes in every value, which costs as much as the rest. */
function arrayText<Row>({ type, of }: Column<Row>, rows: readonly Row[]): string {
  const isPlain = plainTypes.has(type);
  let text = '{';
  for (const row of rows) {
    const value = of(row);
    if (text.length > 1) text += ',';
    if (value === null) text += 'NULL';
    else text += isPlain ? String(value) : quoted(String(value));
  }
  return `${text}}`;
}

const special = /["\\]/;

function quoted(value: string): string {
  return `"${special.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
}
