import { openDatabase } from '../../database/connection.ts';
import { testStack } from './test-system.ts';

let schemas = 0;

/** A URL of the stack's own database, by default of the shared one, whose tables nobody else sees. */
export async function testSchema(name: string, stackUrl?: string): Promise<string> {
  const url = stackUrl ?? (await testStack()).endpoints.rollguardDatabaseUrl;
  const schema = `${name.replaceAll('-', '_')}_${process.pid}_${Date.now()}_${(schemas += 1)}`;
  const database = await openDatabase({ url, setting: 'stack', applicationName: 'test' });
  await database.query(`CREATE SCHEMA ${schema}`);
  await database.close();
  return `${url}?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
}
