/** Applies `schema.sql`. Safe to run again, and by several at once: the first one does the work. */
import { readFileSync } from 'node:fs';
import type { PlatformDatabase } from './database.ts';

/** Any constant that no other user of the database takes. */
const schemaLockId = 7_365_001;

/** Creates the platform's types and tables where they are missing; existing ones are left alone. */
export async function createPlatformSchema(database: PlatformDatabase): Promise<void> {
  const sql = readFileSync(new URL('./schema.sql', import.meta.url), 'utf8');
  await database.transaction(async () => {
    await database.query('SELECT pg_advisory_xact_lock($1)', [schemaLockId]);
    await database.query(sql);
  });
}
