/** Our own tables on a real Postgres. Each test has a schema of its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate, migrationStatus, shippedMigrations } from '../../database/migrations.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { testSchema } from './test-schema.ts';

const open: Database[] = [];
let url = '';

async function connect(): Promise<Database> {
  const database = await openDatabase({ url, setting: 'X_URL', applicationName: 'test' });
  open.push(database);
  return database;
}

beforeAll(async () => {
  url = await testSchema('database');
});

afterAll(async () => {
  for (const database of open) await database.close();
});

describe('our own tables', () => {
  test('are made once, whoever starts at the same time', async () => {
    const [one, two] = [await connect(), await connect()];
    const names = shippedMigrations().map(({ name }) => name);
    const before = await migrationStatus(one);
    const ran = await Promise.all([migrate(one), migrate(two)]);
    const after = await migrationStatus(two);

    expect(before.map(({ appliedAt }) => appliedAt)).toEqual(names.map(() => undefined));
    expect(ran.flat()).toEqual(names);
    expect(after.every(({ appliedAt }) => appliedAt !== undefined)).toBe(true);
    expect(await migrate(one)).toEqual([]);
  });

  test('are not made by a file that changed after it was run', async () => {
    const database = await connect();
    const [first] = shippedMigrations();
    const changed = [{ name: first?.name ?? '', sql: 'SELECT 1', checksum: 'other' }];

    expect(await errorCodeOf(migrate(database, changed))).toBe('CONFIG_INVALID');
  });

  test('are as they were when a file fails half-way', async () => {
    const database = await connect();
    const broken = { name: '9999-broken', sql: 'CREATE TABLE half (); SELECT 1/0', checksum: 'b' };
    const failed = await errorCodeOf(migrate(database, [...shippedMigrations(), broken]));
    const { rows } = await database.query("SELECT to_regclass('half') AS found");

    expect({ failed, found: rows[0]?.['found'] }).toEqual({
      ...{ failed: 'CONFIG_INVALID', found: null },
    });
  });
});

describe('a connection', () => {
  test('reads values as Postgres writes them: no microsecond and no zone is lost', async () => {
    const database = await connect();
    const { rows } = await database.query(
      `SELECT '2026-03-29 01:30:00.123456+05:30'::timestamptz AS at, '2026-03-29'::date AS day,
              9007199254740993::bigint AS big, '{"b":1,"a":1.0}'::json AS json, 7 AS small`,
    );

    expect(rows).toEqual([
      {
        ...{ at: '2026-03-28 20:00:00.123456+00', day: '2026-03-29', big: '9007199254740993' },
        ...{ json: '{"b":1,"a":1.0}', small: 7 },
      },
    ]);
  });

  test('that may only read writes nothing', async () => {
    const options = { url, setting: 'X_URL', applicationName: 'test', isReadOnly: true };
    const database = await openDatabase(options);
    open.push(database);

    await expect(database.query('CREATE TABLE no ()')).rejects.toMatchObject({ code: '25006' });
  });

  test('that cannot be made names its setting', async () => {
    const options = { url: 'postgres://x:x@127.0.0.1:1/x', setting: 'X_URL', applicationName: 't' };

    await expect(openDatabase(options)).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('X_URL') as unknown,
    });
  });

  test('that is cut says so, and that it is not open any more', async () => {
    const [database, other] = [await connect(), await connect()];
    const { rows } = await database.query('SELECT pg_backend_pid() AS pid');
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.['pid']]);
    const failed = await errorCodeOf(database.query('SELECT 1'));

    expect({ failed, isOpen: database.isOpen }).toEqual({
      ...{ failed: 'DATABASE_UNAVAILABLE', isOpen: false },
    });
  });
});
