/**
 * The entries that the table has of some reservations: those it gives to them, and those that should be
 * theirs and it gives to another.
 */
import { openDatabase, type Database, type Row } from '../database/connection.ts';
import { sqlStateOf, undefinedTable } from '../database/sql-state.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import { fieldsOfRow, ledgerRowColumns } from '../topology/roll/entry-fields.ts';
import { groupBy } from './group-by.ts';
import type { ExpectedLedgers, StoredLedgers } from './replay-side.ts';

const setting = 'ROLLGUARD_DATABASE_URL';
const table = 'roll_service_shadow_ledgers';

export interface LedgerTable {
  read(expected: ExpectedLedgers): Promise<StoredLedgers>;
  /** @throws DATABASE_UNAVAILABLE, CONFIG_INVALID */
  query(text: string, values: readonly unknown[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** Connects when it is first asked. */
export function ledgerTable(url: string, applicationName = 'rollguard replay'): LedgerTable {
  let opening: Promise<Database> | undefined;
  const connected = (): Promise<Database> => {
    opening ??= openDatabase({
      ...{ url, setting, applicationName, isReadOnly: true },
    });
    return opening;
  };
  const query: LedgerTable['query'] = async (text, values) => {
    try {
      return (await (await connected()).query(text, values)).rows;
    } catch (error) {
      throw explained(error);
    }
  };
  return {
    query,
    read: (expected) => readLedgers(query, expected),
    close: async () => {
      const database = await opening?.catch(() => undefined);
      await database?.close();
    },
  };
}

async function readLedgers(
  query: LedgerTable['query'],
  { tenantId, ledgers }: ExpectedLedgers,
): Promise<StoredLedgers> {
  const ownerOf = new Map<unknown, string>();
  for (const [reservationId, entries] of ledgers) {
    for (const { lifecycleEventId } of entries) ownerOf.set(lifecycleEventId, reservationId);
  }
  const rows = await query(
    `SELECT ${ledgerRowColumns.join(', ')} FROM ${table}
     WHERE tenant_id = $1
       AND (reservation_id = ANY($2::uuid[]) OR lifecycle_event_id = ANY($3::uuid[]))
     ORDER BY roll_date, lifecycle_event_id`,
    [tenantId, [...ledgers.keys()], [...ownerOf.keys()]],
  );
  const belongsTo = (row: Row): string =>
    ownerOf.get(row['lifecycle_event_id']) ?? String(row['reservation_id']);
  const groups = [...groupBy(rows, belongsTo)];
  return new Map(groups.map(([reservationId, of]) => [reservationId, of.map(fieldsOfRow)]));
}

function explained(error: unknown): unknown {
  const state = sqlStateOf(error);
  if (state === undefined) return error;
  const remedy =
    state === undefinedTable ? '; create the tables with `rollguard database migrate`' : '';
  const message = `${setting}: ${messageOf(error)}${remedy}`;
  return new RollguardError('CONFIG_INVALID', message, { cause: error });
}
