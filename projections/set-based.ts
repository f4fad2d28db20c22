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
  /** A condition of the update, on the row that is there (by the table's name) and the new one (`excluded`). */
  readonly onlyIf?: string;
}

/**
 * Inserts rows, or updates those whose key is there; `updated_at` is then the transaction's time. A key may
 * come once only.
 */
export function upsertInto<Row>(
  shape: TableShape<Row>,
): (database: Database, rows: readonly Row[]) => Promise<void> {
  const { table, key, columns, onlyIf } = shape;
  const names = columns.map(({ name }) => name);
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`);
  const updates = names
    .filter((name) => !key.includes(name))
    .map((name) => `${name} = excluded.${name}`);
  const text = [
    `INSERT INTO ${table} (${names.join(', ')})`,
    `SELECT * FROM unnest(${arrays.join(', ')})`,
    `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${updates.join(', ')}, updated_at = now()`,
    ...(onlyIf === undefined ? [] : [`WHERE ${onlyIf}`]),
  ].join('\n');
  return async (database, rows) => {
    if (rows.length === 0) return;
    await database.query(
      text,
      columns.map((column) => rows.map((row) => column.of(row))),
    );
  };
}
