/** The side of Kafka Streams on the JVM: fetched by Maven, compiled by the JDK's compiler, never installed. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RollguardError } from '../../kernel/errors.ts';
import { findJava } from '../../tools/stack/java.ts';
import { propertiesText } from '../../tools/stack/parts/part.ts';
import { providePeerJars } from '../../tools/stack/peer-jars.ts';
import { runTool } from '../../tools/stack/run-tool.ts';
import { stackFolders } from '../../tools/stack/stack-folders.ts';
import type { BenchContext } from '../bench-broker.ts';
import type { PeerSettings } from './peer-settings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const source = fileURLToPath(new URL('./jvm/StreamsPeer.java', import.meta.url));
const classesFolder = path.join(root, '.rollguard/bench-peers/classes');
const compileTimeoutMs = 60_000;

/** What a careful engineer sets; all else is as Kafka Streams ships. */
export const jvmFlags = ['-Xms256m', '-Xmx1g', '-XX:+UseG1GC'];

export interface JvmPeer {
  readonly java: string;
  readonly classPath: string;
}

/** @throws STACK_TOOL_MISSING without a JDK or Maven, STACK_DOWNLOAD */
export async function provideJvmPeer(context: BenchContext): Promise<JvmPeer> {
  const java = findJava(context.env).command;
  const compiler = path.join(path.dirname(java), 'javac');
  if (!existsSync(compiler)) {
    throw new RollguardError(
      'STACK_TOOL_MISSING',
      `${java} is no JDK: there is no javac beside it`,
    );
  }
  const { cache } = stackFolders({ root, env: context.env });
  const jars = path.join(await providePeerJars({ ...context, cache }), '*');
  mkdirSync(classesFolder, { recursive: true });
  await runTool({
    ...{ command: compiler, args: ['-cp', jars, '-d', classesFolder, source] },
    ...{ env: context.env, signal: context.signal, timeoutMs: compileTimeoutMs },
    ...{ install: 'a JDK', code: 'STACK_START' },
  });
  return { java, classPath: [classesFolder, jars].join(path.delimiter) };
}

export interface JvmOptions {
  /** A write-back cache in front of the store, of `cacheMb`. */
  readonly isCached: boolean;
}

export function jvmCommand(
  { java, classPath }: JvmPeer,
  settings: PeerSettings,
  { isCached }: JvmOptions,
): { readonly command: string; readonly args: readonly string[] } {
  const file = path.join(settings.stateDir, 'streams.properties');
  const properties = {
    'application.id': settings.applicationId,
    'bootstrap.servers': settings.brokers.join(','),
    'state.dir': settings.stateDir,
    'processing.guarantee': 'exactly_once_v2',
    'commit.interval.ms': settings.commitIntervalMs,
    'num.stream.threads': 1,
    'replication.factor': 1,
    'auto.offset.reset': 'earliest',
    ...(isCached ? { 'statestore.cache.max.bytes': settings.cacheMb * 1024 * 1024 } : {}),
    'peer.input': settings.input,
    'peer.output': settings.output,
    'peer.cached': String(isCached),
  };
  writeFileSync(file, propertiesText(properties));
  const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  return { command: java, args: [...jvmFlags, logging, '-cp', classPath, 'StreamsPeer', file] };
}
