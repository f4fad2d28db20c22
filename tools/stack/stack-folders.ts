/**
 * Where the stack keeps what: state and logs in the state folder (`.rollguard/`), fetched jars in the
 * user's cache folder, Postgres where the user that runs it may go. Nothing is written elsewhere.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StackFolders {
  readonly stateFolder: string;
  readonly stateFile: string;
  readonly identityFile: string;
  readonly lockFile: string;
  readonly logs: string;
  /** Data of Kafka, Connect and the registry. */
  readonly data: string;
  readonly secrets: string;
  /** Program and data of Postgres. As root it runs as somebody who may not enter the state folder. */
  readonly postgres: string;
  readonly cache: string;
}

export interface FoldersOptions {
  readonly root: string;
  readonly env: Environment;
  /** Overrides `ROLLGUARD_STACK_DIR` and the default `<root>/.rollguard`. */
  readonly stateDir?: string | undefined;
}

export function stackFolders(options: FoldersOptions): StackFolders {
  const { root, env } = options;
  const stateFolder = path.resolve(
    root,
    options.stateDir ?? nonEmpty(env['ROLLGUARD_STACK_DIR']) ?? '.rollguard',
  );
  const data = path.join(stateFolder, 'stack');
  return {
    stateFolder,
    stateFile: path.join(stateFolder, 'stack.json'),
    identityFile: path.join(stateFolder, 'stack-identity.json'),
    lockFile: path.join(stateFolder, 'stack.lock'),
    logs: path.join(stateFolder, 'logs'),
    data,
    secrets: path.join(data, 'secrets'),
    postgres:
      process.getuid?.() === 0 ? sharedFolder(stateFolder, env) : path.join(data, 'postgres'),
    cache: cacheFolder(env),
  };
}

/** `/var/tmp` outlives a reboot, which the data of the other parts does too. */
function sharedFolder(stateFolder: string, env: Environment): string {
  const hash = createHash('sha256').update(stateFolder).digest('hex').slice(0, 12);
  const isPersistentThere = env['TMPDIR'] === undefined && existsSync('/var/tmp');
  return path.join(isPersistentThere ? '/var/tmp' : tmpdir(), `rollguard-${hash}`);
}

function cacheFolder(env: Environment): string {
  const home = nonEmpty(env['XDG_CACHE_HOME']) ?? path.join(homedir(), '.cache');
  return path.resolve(nonEmpty(env['ROLLGUARD_CACHE_DIR']) ?? path.join(home, 'rollguard'));
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
