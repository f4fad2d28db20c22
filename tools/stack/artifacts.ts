/**
 * The programs of the stack out of Maven: what `pom.xml` names, checked against `jars.sha256`, unpacked
 * into `<cache>/stack-<hash of both files>/`. That folder appears by one rename, complete and checked,
 * or not at all; what is there is never fetched again.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { withFileLock } from './file-lock.ts';
import { runTool, type ToolOptions } from './run-tool.ts';
import { compareShaLists, parseShaList, shaListOf, type ShaList } from './sha-list.ts';

const pomFile = fileURLToPath(new URL('./pom.xml', import.meta.url));
export const shaListFile = fileURLToPath(new URL('./jars.sha256', import.meta.url));

/** The profiles of `pom.xml`; each becomes a folder of what it names. */
const profiles = ['kafka', 'converter', 'archives'] as const;
const fetchTimeoutMs = 15 * 60_000;

/**
 * Jars of the converter that the Connect worker brings itself, in its own version. Beside the
 * connector they would shadow the worker's, and no converter could be instantiated.
 */
const shadowingJars =
  /^(connect-api|connect-json|kafka-clients|slf4j-api|lz4-java|snappy-java|zstd-jni)-\d/;

export interface Artifacts {
  /** Class path of the broker, the tools and the Connect worker. */
  readonly kafkaJars: string;
  /** `plugin.path` of Connect: Debezium and the Avro converter. */
  readonly connectPlugins: string;
  readonly registryJar: string;
}

export interface FetchOptions {
  readonly cache: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Fetches and checks what is not there yet. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD */
export async function provideArtifacts(options: FetchOptions): Promise<Artifacts> {
  const expectedText = readFileSync(shaListFile, 'utf8');
  const hash = createHash('sha256').update(readFileSync(pomFile)).update(expectedText);
  const folder = path.join(options.cache, `stack-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) {
    mkdirSync(options.cache, { recursive: true });
    await withFileLock(
      { ...options, file: path.join(options.cache, 'fetch.lock'), what: 'the fetch of the stack' },
      async () => {
        if (existsSync(folder)) return;
        await fetchInto(folder, parseShaList(expectedText, shaListFile), options);
      },
    );
  }
  return artifactsIn(folder);
}

/** The SHA-256 of everything that `pom.xml` resolves to now, for `rollguard stack lock`. */
export async function lockArtifacts(options: FetchOptions): Promise<ShaList> {
  const temporary = path.join(options.cache, `lock-${process.pid}.tmp`);
  try {
    await resolveByMaven(temporary, options);
    return await shaListOf(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function fetchInto(folder: string, expected: ShaList, options: FetchOptions): Promise<void> {
  removeLeftovers(options.cache);
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    await resolveByMaven(temporary, options);
    options.progress('jars: verifying SHA-256');
    verify(expected, await shaListOf(temporary));
    await unpack(temporary, options);
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Only the holder of the lock fetches: a temporary folder is one of a fetch that was cut off. */
function removeLeftovers(cache: string): void {
  const leftovers = readdirSync(cache).filter((name) => /^stack-.*\.tmp$/.test(name));
  for (const name of leftovers) rmSync(path.join(cache, name), { recursive: true, force: true });
}

async function resolveByMaven(folder: string, options: FetchOptions): Promise<void> {
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

function verify(expected: ShaList, actual: ShaList): void {
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

async function unpack(folder: string, options: FetchOptions): Promise<void> {
  options.progress('jars: unpacking');
  const plugin = path.join(folder, 'plugins', 'debezium-postgres');
  const registry = path.join(folder, 'registry');
  const archives = path.join(folder, 'archives');
  for (const archive of readdirSync(archives)) {
    const isPlugin = archive.startsWith('debezium-');
    const target = isPlugin ? plugin : registry;
    mkdirSync(target, { recursive: true });
    await runTool({
      ...toolOptions(options),
      command: 'tar',
      // The plugin archive has one folder at its top, the registry's has none.
      args: [
        '-xzf',
        path.join(archives, archive),
        '-C',
        target,
        ...(isPlugin ? ['--strip-components=1'] : []),
      ],
      install: 'tar',
      code: 'STACK_DOWNLOAD',
    });
  }
  rmSync(archives, { recursive: true });
  const converter = path.join(folder, 'converter');
  for (const jar of readdirSync(converter).filter((name) => !shadowingJars.test(name))) {
    renameSync(path.join(converter, jar), path.join(plugin, jar));
  }
  rmSync(converter, { recursive: true });
}

function toolOptions(options: FetchOptions): Pick<ToolOptions, 'env' | 'signal' | 'timeoutMs'> {
  return { env: options.env, signal: options.signal, timeoutMs: fetchTimeoutMs };
}

function artifactsIn(folder: string): Artifacts {
  const registry = path.join(folder, 'registry');
  const registryJar = readdirSync(registry).find((name) => name.endsWith('-runner.jar'));
  if (registryJar === undefined) {
    throw new RollguardError('STACK_DOWNLOAD', `${registry} has no runner jar; delete ${folder}`);
  }
  return {
    kafkaJars: path.join(folder, 'kafka'),
    connectPlugins: path.join(folder, 'plugins'),
    registryJar: path.join(registry, registryJar),
  };
}
