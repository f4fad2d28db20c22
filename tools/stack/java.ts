/**
 * Finds Java: `JAVA_HOME` when it is new enough (somebody chose it), otherwise the newest of `java` on
 * the PATH and the platform's usual JDK folders.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { RollguardError } from '../../kernel/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Kafka 4 and the registry need it. */
export const javaVersionMin = 17;
const versionTimeoutMs = 10_000;

export interface Java {
  readonly command: string;
  /** The major version. */
  readonly version: number;
  readonly isFromJavaHome: boolean;
}

/** @throws STACK_TOOL_MISSING naming what to install. */
export function findJava(env: Environment): Java {
  const found = candidates(env).flatMap(({ command, isFromJavaHome }) => {
    const version = versionOf(command, env);
    return version === undefined ? [] : [{ command, version, isFromJavaHome }];
  });
  const chosen = chooseJava(found);
  if (chosen !== undefined) return chosen;
  const seen = found.map((java) => `${java.command} is ${java.version}`).join(', ');
  throw new RollguardError(
    'STACK_TOOL_MISSING',
    `the local stack needs Java ${javaVersionMin} or newer${seen === '' ? '' : ` (${seen})`}: ` +
      'install a JDK, for instance `apt install openjdk-17-jre-headless` or `brew install openjdk`, or set JAVA_HOME',
  );
}

/** The one of JAVA_HOME if it is new enough, else the newest that is. */
export function chooseJava(found: readonly Java[]): Java | undefined {
  const usable = found.filter((java) => java.version >= javaVersionMin);
  const newestFirst = [...usable].sort((left, right) => right.version - left.version);
  return usable.find((java) => java.isFromJavaHome) ?? newestFirst[0];
}

/** The major version out of `java -version`: `1.8.0_412` is 8, `17.0.15` is 17, `25-ea` is 25. */
export function parseJavaVersion(text: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(text);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

function versionOf(command: string, env: Environment): number | undefined {
  const { stderr, stdout, error } = spawnSync(command, ['-version'], {
    encoding: 'utf8',
    timeout: versionTimeoutMs,
    env,
  });
  return error === undefined ? parseJavaVersion(`${stderr}${stdout}`) : undefined;
}

function candidates(env: Environment): { command: string; isFromJavaHome: boolean }[] {
  const javaHome = env['JAVA_HOME'] ?? '';
  const onPath = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const files = [
    ...onPath.map((folder) => path.join(folder, 'java')),
    ...jdkFolders().map((home) => path.join(home, 'bin', 'java')),
  ];
  const chosen = javaHome === '' ? undefined : realFile(path.join(javaHome, 'bin', 'java'));
  // Several names usually lead to one JDK: asking it once is enough.
  const others = new Set(files.map(realFile).filter((file) => file !== undefined));
  return [
    ...(chosen === undefined ? [] : [{ command: chosen, isFromJavaHome: true }]),
    ...[...others].map((command) => ({ command, isFromJavaHome: false })),
  ];
}

function realFile(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

function jdkFolders(): string[] {
  const parents =
    process.platform === 'darwin'
      ? [
          '/Library/Java/JavaVirtualMachines',
          path.join(homedir(), 'Library/Java/JavaVirtualMachines'),
        ]
      : ['/usr/lib/jvm', '/usr/java', '/opt/java', path.join(homedir(), '.sdkman/candidates/java')];
  const inside = process.platform === 'darwin' ? 'Contents/Home' : '';
  return [
    ...parents.flatMap((parent) =>
      listFolder(parent).map((name) => path.join(parent, name, inside)),
    ),
    ...(process.platform === 'darwin'
      ? ['/opt/homebrew/opt/openjdk', '/usr/local/opt/openjdk']
      : []),
  ];
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
