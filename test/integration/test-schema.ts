import { openDatabase } from '../../database/connection.ts';
import { testStack } from './test-system.ts';

let schemas = 0;

/** A URL of the shared stack's own database whose tables nobody else sees. */
export async function testSchema(name: string): Promise<string> {
  const { endpoints } = await testStack();
  const url = endpoints.rollguardDatabaseUrl;
  const schema = `${name.replaceAll('-', '_')}_${process.pid}_${Date.now()}_${(schemas += 1)}`;
  const database = await openDatabase({ url, setting: 'stack', applicationName: 'test' });
  await database.query(`CREATE SCHEMA ${schema}`);
  await database.close();
  return `${url}?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
}
