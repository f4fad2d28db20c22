/**
 * Jars out of Maven, held to a list: what a pom's profiles name, checked against a file of SHA-256, in a
 * folder of the cache named after the hash of both files. That folder appears by one rename, complete and
 * checked, or not at all; what is there is never fetched again.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { withFileLock } from './file-lock.ts';
import { runTool, type ToolOptions } from './run-tool.ts';
import { compareShaLists, parseShaList, shaListOf, type ShaList } from './sha-list.ts';

const fetchTimeoutMs = 15 * 60_000;

export interface PinnedJars {
  /** Begins the folder's name in the cache. */
  readonly name: string;
  readonly pomFile: string;
  readonly shaListFile: string;
  /** Of the pom; each becomes a folder of what it names. */
  readonly profiles: readonly string[];
  /** Once everything is checked, before the folder is there for anybody. */
  readonly finish?: (folder: string, options: FetchOptions) => Promise<void>;
}

export interface FetchOptions {
  readonly cache: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Fetches and checks what is not there yet. @returns the folder. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD */
export async function providePinnedJars(jars: PinnedJars, options: FetchOptions): Promise<string> {
  const expectedText = readFileSync(jars.shaListFile, 'utf8');
  const hash = createHash('sha256').update(readFileSync(jars.pomFile)).update(expectedText);
  const folder = path.join(options.cache, `${jars.name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(options.cache, { recursive: true });
  await withFileLock(
    { ...options, file: path.join(options.cache, 'fetch.lock'), what: 'the fetch of the stack' },
    async () => {
      if (existsSync(folder)) return;
      await fetchInto(folder, jars, options);
    },
  );
  return folder;
}

/** The SHA-256 of everything that the pom resolves to now, for `rollguard stack lock`. */
export async function lockPinnedJars(jars: PinnedJars, options: FetchOptions): Promise<ShaList> {
  const temporary = path.join(options.cache, `lock-${process.pid}.tmp`);
  try {
    await resolveByMaven(temporary, jars, options);
    return await shaListOf(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function fetchInto(folder: string, jars: PinnedJars, options: FetchOptions): Promise<void> {
  removeLeftovers(options.cache, jars.name);
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    await resolveByMaven(temporary, jars, options);
    options.progress('jars: verifying SHA-256');
    verify(jars, await shaListOf(temporary));
    await jars.finish?.(temporary, options);
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Only the holder of the lock fetches: a temporary folder is one of a fetch that was cut off. */
function removeLeftovers(cache: string, name: string): void {
  const leftovers = readdirSync(cache).filter(
    (entry) => entry.startsWith(`${name}-`) && entry.endsWith('.tmp'),
  );
  for (const entry of leftovers) rmSync(path.join(cache, entry), { recursive: true, force: true });
}

async function resolveByMaven(
  folder: string,
  { pomFile, profiles }: PinnedJars,
  options: FetchOptions,
): Promise<void> {
  const startedMs = options.clock.monotonicMs();
  for (const [index, profile] of profiles.entries()) {
    options.progress(`jars: fetching ${profile} (${index + 1}/${profiles.length}) with Maven`);
    await runTool({
      ...toolOptions(options),
      command: mavenCommand(options.env),
      args: [
        ...['--batch-mode', '--quiet', '--file', pomFile, '--activate-profiles', profile],
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        `-DoutputDirectory=${path.join(folder, profile)}`,
      ],
      install: 'Maven, for instance `apt install maven` or `brew install maven`',
      code: 'STACK_DOWNLOAD',
    });
  }
  const seconds = ((options.clock.monotonicMs() - startedMs) / 1_000).toFixed(1);
  options.progress(`jars: fetched in ${seconds} s`);
}

function mavenCommand(env: FetchOptions['env']): string {
  const home = env['MAVEN_HOME'] ?? '';
  return home === '' ? 'mvn' : path.join(home, 'bin', 'mvn');
}

function verify({ shaListFile }: PinnedJars, actual: ShaList): void {
  const expected = parseShaList(readFileSync(shaListFile, 'utf8'), shaListFile);
  const differences = compareShaLists(expected, actual);
  if (differences.length === 0) return;
  throw new RollguardError(
    'STACK_DOWNLOAD',
    `what Maven brought is not what ${path.basename(shaListFile)} names: ` +
      `${differences.slice(0, 5).join('; ')}${differences.length > 5 ? '; …' : ''}. ` +
      "Delete the file in Maven's local repository and try again; if it stays, do not run it",
    { context: { differences } },
  );
}

export function toolOptions(
  options: FetchOptions,
): Pick<ToolOptions, 'env' | 'signal' | 'timeoutMs'> {
  return { env: options.env, signal: options.signal, timeoutMs: fetchTimeoutMs };
}
