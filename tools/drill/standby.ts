/**
 * A standby of the stack's Postgres. The npm package brings no pg_basebackup, so its folder is a copy of the
 * primary's, made between pg_backup_start and pg_backup_stop; what was written meanwhile it streams. It has no
 * logical slots, as a standby whose slots nobody synchronises.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  closeSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { openDatabase, type Database } from '../../database/connection.ts';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { chooseFreePorts } from '../stack/ports.ts';

export interface Standby {
  readonly port: number;
  /** Of the same database, as the same user. */
  readonly adminDatabaseUrl: string;
  /** Resolves when it takes writes. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

export interface StandbyOptions {
  readonly adminDatabaseUrl: string;
  /** Where it reads the primary's log. */
  readonly primaryPort: number;
  readonly logFile: string;
  readonly clock: Clock;
}

const startAttempts = 120;
const startPauseMs = 500;
const settings = ['wal_level=logical', 'max_wal_senders=16', 'max_replication_slots=16'];

export async function startStandby(options: StandbyOptions): Promise<Standby> {
  const { adminDatabaseUrl, clock } = options;
  const folders = await copyPrimary(options);
  const { standby: port } = await chooseFreePorts(['standby']);
  const server = startServer(folders, port, options.logFile);
  const url = new URL(adminDatabaseUrl);
  url.port = String(port);
  const standby: Standby = {
    port,
    adminDatabaseUrl: url.href,
    promote: () =>
      onDatabase(url.href, async (database) => {
        await database.query('SELECT pg_promote(true, 60)');
      }),
    stop: async () => {
      const ended = once(server, 'exit');
      if (server.exitCode === null && server.kill('SIGQUIT')) await ended;
      rmSync(folders.data, { recursive: true, force: true });
    },
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await onDatabase(url.href, (database) => database.query('SELECT 1'));
      return standby;
    } catch (error) {
      if (attempt < startAttempts && server.exitCode === null) await clock.sleep(startPauseMs);
      else {
        await standby.stop();
        const message = `the standby does not start; its log: ${options.logFile}`;
        throw new RollguardError('STACK_START', message, { cause: error });
      }
    }
  }
}

interface Folders {
  readonly data: string;
  readonly program: string;
  readonly owner: { readonly uid: number; readonly gid: number };
}

async function copyPrimary({
  adminDatabaseUrl,
  primaryPort,
  clock,
}: StandbyOptions): Promise<Folders> {
  return onDatabase(adminDatabaseUrl, async (database) => {
    const { rows } = await database.query(
      `SELECT current_setting('data_directory') AS data, setting AS program FROM pg_config WHERE name = 'BINDIR'`,
    );
    const [primary, program] = [rows[0]?.['data'] as string, rows[0]?.['program'] as string];
    const data = `${primary}-standby-${clock.nowMs()}`;
    const owner = statSync(primary);
    await database.query("SELECT pg_backup_start('rollguard drill', true)");
    // A file that goes away while it is copied is no failure: replaying the log makes up for it.
    spawnSync('cp', ['-a', primary, data], { stdio: 'ignore' });
    const stopped = await database.query('SELECT labelfile FROM pg_backup_stop(false)');
    rmSync(path.join(data, 'postmaster.pid'), { force: true });
    for (const slot of readdirSync(path.join(data, 'pg_replslot'))) {
      rmSync(path.join(data, 'pg_replslot', slot), { recursive: true });
    }
    const { username, password } = new URL(adminDatabaseUrl);
    const conninfo = `host=127.0.0.1 port=${primaryPort} user=${username} password=${password}`;
    const files = {
      backup_label: stopped.rows[0]?.['labelfile'] as string,
      'standby.signal': '',
      'postgresql.auto.conf': `primary_conninfo = '${conninfo}'\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(data, name);
      writeFileSync(file, content, { mode: 0o600 });
      if (process.getuid?.() === 0) chownSync(file, owner.uid, owner.gid);
    }
    return { data, program, owner };
  });
}

function startServer(
  { data, program, owner }: Folders,
  port: number,
  logFile: string,
): ChildProcess {
  const log = openSync(logFile, 'a');
  const flags = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    ...settings,
  ];
  const server = spawn(
    path.join(program, 'postgres'),
    ['-D', data, ...flags.flatMap((flag) => ['-c', flag])],
    {
      ...{ cwd: path.dirname(data), stdio: ['ignore', log, log] },
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      ...(process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {}),
    },
  );
  closeSync(log);
  return server;
}

async function onDatabase<Result>(
  url: string,
  use: (database: Database) => Promise<Result>,
): Promise<Result> {
  const names = { setting: 'PLATFORM_ADMIN_DATABASE_URL', applicationName: 'rollguard drill' };
  const database = await openDatabase({ url, ...names });
  return use(database).finally(() => database.close());
}
