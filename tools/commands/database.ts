/** `rollguard database migrate` and `status`: our own tables in Postgres. */
import { Command } from 'commander';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate, migrationStatus, type MigrationStatus } from '../../database/migrations.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { applicationSettings } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';

interface DatabaseFlags {
  readonly databaseUrl?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

const setting = 'ROLLGUARD_DATABASE_URL';
const migrateExamples = `
Examples:
  rollguard database migrate
  rollguard database migrate --dry-run
  ROLLGUARD_DATABASE_URL=postgres://rollguard:…@db/rollguard rollguard database migrate --json

Safe to run again, and beside a running service. The platform's database is never touched.`;
const statusExamples = `
Examples:
  rollguard database status --json

Exit 3 when a migration was not run yet.`;

export function databaseCommand(cli: CliContext): Command {
  const database = new Command('database').description('our own tables in Postgres');
  const url: [string, string] = ['--database-url <url>', `our own Postgres (default: ${setting})`];
  database
    .command('migrate')
    .description('create the tables, or bring them up to this version')
    .option(...url)
    .option('--dry-run', 'say what would be run')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', migrateExamples)
    .action((flags: DatabaseFlags) => migrateTables(flags, cli));
  database
    .command('status')
    .description('which migrations were run')
    .option(...url)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', statusExamples)
    .action((flags: DatabaseFlags) => status(flags, cli));
  return database;
}

async function migrateTables(flags: DatabaseFlags, cli: CliContext): Promise<void> {
  const isDry = flags.dryRun === true;
  const names = await withDatabase(flags, cli, async (database) =>
    isDry ? pendingOf(await migrationStatus(database)) : migrate(database),
  );
  const verb = isDry ? 'would run' : 'ran';
  if (flags.json === true) cli.out(`${JSON.stringify({ [isDry ? 'pending' : 'ran']: names })}\n`);
  else if (names.length === 0) cli.out('the tables are up to date\n');
  else cli.out(names.map((name) => `${verb} ${name}\n`).join(''));
}

async function status(flags: DatabaseFlags, cli: CliContext): Promise<void> {
  const migrations = await withDatabase(flags, cli, (database) => migrationStatus(database));
  const lines = migrations.map(({ name, appliedAt }) => `${name}  ${appliedAt ?? 'not run'}\n`);
  if (flags.json === true) cli.out(`${JSON.stringify({ migrations })}\n`);
  else cli.out(lines.join(''));
  if (pendingOf(migrations).length > 0) cli.exitCode = 3;
}

function pendingOf(migrations: readonly MigrationStatus[]): readonly string[] {
  return migrations.filter(({ appliedAt }) => appliedAt === undefined).map(({ name }) => name);
}

async function withDatabase<T>(
  flags: DatabaseFlags,
  cli: CliContext,
  use: (database: Database) => Promise<T>,
): Promise<T> {
  const url = flags.databaseUrl ?? applicationSettings('database', {}, cli).ROLLGUARD_DATABASE_URL;
  if (url === '') {
    const message = `${setting} is not set: name our own Postgres, or start the stack (rollguard stack up)`;
    throw new RollguardError('CONFIG_INVALID', message);
  }
  const database = await openDatabase({ url, setting, applicationName: 'rollguard database' });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}
