/** The script for the DBA: may be run again, grants reading only, quotes every name. */
import { describe, expect, test } from '@jest/globals';
import { renderRoleScript, roleScript } from '../../connectors/role-sql.ts';

const options = {
  user: 'rollguard_cdc',
  tables: ['public.rooms', 'sales.order'],
  publication: 'rollguard',
};
const statements = roleScript(options);

describe('the role script', () => {
  test('makes only what is missing, so that it may be run again', () => {
    const making = statements.filter((statement) =>
      /CREATE|ALTER (TABLE|PUBLICATION)/.test(statement),
    );

    expect(making.length).toBeGreaterThan(3);
    expect(making.filter((statement) => /^(CREATE|ALTER (TABLE|PUB))/.test(statement))).toEqual([]);
    expect(making.every((statement) => /^(DO \$do\$ BEGIN IF|ALTER ROLE)/.test(statement))).toBe(
      true,
    );
  });

  test('grants reading the captured tables and nothing else', () => {
    expect(statements.filter((statement) => statement.startsWith('GRANT'))).toEqual([
      'GRANT USAGE ON SCHEMA "public" TO "rollguard_cdc"',
      'GRANT USAGE ON SCHEMA "sales" TO "rollguard_cdc"',
      'GRANT SELECT ON "public"."rooms", "sales"."order" TO "rollguard_cdc"',
    ]);
    expect(statements.join()).toContain('NOSUPERUSER NOCREATEDB NOCREATEROLE');
    expect(statements.join()).not.toMatch(/\bSUPERUSER|ALL PRIVILEGES|INSERT ON|OWNER TO/);
  });

  test('waits for a busy table only briefly', () => {
    expect(statements[0]).toBe("SET LOCAL lock_timeout = '5s'");
  });

  test('publishes exactly the tables, changes of rows only', () => {
    const publication = statements.filter((statement) => statement.includes('PUBLICATION'));

    expect(publication[0]).toContain(
      `CREATE PUBLICATION "rollguard" FOR TABLE "public"."rooms", "sales"."order" WITH (publish = 'insert, update, delete')`,
    );
    expect(publication[1]).toContain(
      'ALTER PUBLICATION "rollguard" SET TABLE "public"."rooms", "sales"."order"',
    );
  });

  test('asks for whole rows in the WAL, without locking a table that has them', () => {
    const identity = statements.find((statement) => statement.includes('"sales"."order" REPLICA'));

    expect(identity).toBe(
      `DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE oid = '"sales"."order"'::regclass AND relreplident = 'f') THEN ALTER TABLE "sales"."order" REPLICA IDENTITY FULL; END IF; END $do$`,
    );
  });

  test('quotes names in both their forms', () => {
    const quoted = roleScript({ ...options, user: `o'bri"en` }).join('\n');

    expect(quoted).toContain(`rolname = 'o''bri"en'`);
    expect(quoted).toContain(`CREATE ROLE "o'bri""en" LOGIN`);
  });

  test('as text is one transaction, holds no password and says how to give one', () => {
    const text = renderRoleScript(options);
    const lines = text.split('\n');

    expect(lines[1]).toBe('BEGIN;');
    expect(lines.slice(-3)).toEqual([
      'COMMIT;',
      '-- Then give the role a password: \\password rollguard_cdc',
      '',
    ]);
    expect(text).not.toMatch(/PASSWORD '/);
  });
});
