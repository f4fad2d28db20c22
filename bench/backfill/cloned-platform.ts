/**
 * More rows in the platform's tables than were written: copies of reservations and of their commands under
 * other ids, at the same properties. Nothing captures them.
 */
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';

/** So many hex digits of an id are changed: one copy fewer than they can name. */
const changedDigits = 4;
export const clonesMax = 16 ** changedDigits - 1;

export interface CloneOptions {
  readonly databaseUrl: string;
  readonly clones: number;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** @returns rows of the lifecycle that there are now. */
export async function clonePlatform(options: CloneOptions): Promise<number> {
  const { databaseUrl, clones, signal, progress } = options;
  const database = await connectPlatformDatabase(databaseUrl);
  try {
    // The tables leave room for updates, which copies do not get.
    await database.query('ALTER TABLE reservations SET (fillfactor = 90)');
    await database.query('ALTER TABLE reservation_command_lifecycle SET (fillfactor = 90)');
    for (const table of ['reservations', 'reservation_command_lifecycle']) {
      await database.query(`CREATE TEMP TABLE one_${table} AS SELECT * FROM ${table}`);
    }
    const columns = {
      reservations: await columnsOf('reservations'),
      lifecycle: await columnsOf('reservation_command_lifecycle'),
    };
    for (let clone = 1; clone <= clones; clone += 1) {
      signal.throwIfAborted();
      progress(`backfill: copy ${clone} of ${clones}`);
      await copy('reservations', columns.reservations, clone);
      await copy('reservation_command_lifecycle', columns.lifecycle, clone);
    }
    await database.query('ANALYZE reservations, reservation_command_lifecycle');
    const { rows } = await database.query(
      'SELECT count(*) AS count FROM reservation_command_lifecycle',
    );
    return Number(rows[0]?.['count']);
  } finally {
    await database.close();
  }

  async function columnsOf(table: string): Promise<readonly string[]> {
    const { rows } = await database.query(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_name = $1 AND table_schema = current_schema() AND is_generated = 'NEVER'
       ORDER BY ordinal_position`,
      [table],
    );
    return rows.map(({ name }) => String(name));
  }

  async function copy(table: string, names: readonly string[], clone: number): Promise<void> {
    const values = names.map((name) => {
      if (changedIds.has(name)) return changedId(name, clone);
      return name === 'confirmation_number' ? `${name} || '-${clone}'` : name;
    });
    await database.query(
      `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM one_${table}`,
    );
  }
}

const changedIds = new Set(['id', 'reservation_id', 'event_id']);

function changedId(name: string, clone: number): string {
  const digits = `('x' || left(${name}::text, ${changedDigits}))::bit(16)::int # ${clone}`;
  return `(lpad(to_hex(${digits}), ${changedDigits}, '0') || substr(${name}::text, ${changedDigits + 1}))::uuid`;
}
