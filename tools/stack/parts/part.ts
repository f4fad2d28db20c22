/** What every part of the stack tells the supervisor: how to prepare, start, question and stop it. */
import type { Artifacts } from '../artifacts.ts';
import type { StackIdentity } from '../identity.ts';
import type { StackFolders } from '../stack-folders.ts';
import type { PartName } from '../stack-state.ts';

export interface PartContext {
  readonly folders: StackFolders;
  readonly identity: StackIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What the parts that run on Java get besides. */
export interface JavaPartContext extends PartContext {
  readonly artifacts: Artifacts;
  readonly java: string;
}

export interface PartCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

export interface Part<Context extends PartContext = PartContext> {
  readonly name: PartName;
  /** By name, as `status` shows them. */
  readonly ports: (context: PartContext) => Record<string, number>;
  /** Makes data folders and configuration files; running it again changes nothing that matters. */
  readonly prepare: (context: Context) => Promise<PartCommand>;
  /** Resolves when the part answers a real request, throws when it does not. */
  readonly check: (endpoint: PartEndpoint) => Promise<void>;
  /** Of its last words: it could not start yet, and can in a moment. */
  readonly notYet?: RegExp;
  /** Once it answers: what its users need in it. */
  readonly furnish?: (context: Context) => Promise<void>;
}

/** Where a part answers, and with which password. */
export interface PartEndpoint {
  readonly url: string;
}

/** Only what a JVM needs: settings of the user's own Kafka or Quarkus must not reach the stack's. */
export function javaEnvironment(context: PartContext): PartCommand['env'] {
  const { PATH, HOME, LANG, TMPDIR, TZ } = context.env;
  return { PATH, HOME, LANG, TMPDIR, TZ };
}

/** The text of a Java properties file. Our values hold no line breaks, backslashes only on Windows. */
export function propertiesText(properties: Readonly<Record<string, string | number>>): string {
  const escaped = (value: string | number): string => String(value).replaceAll('\\', '\\\\');
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('');
}
