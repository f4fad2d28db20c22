/**
 * The programs of the stack out of Maven: what `pom.xml` names, checked against `jars.sha256`, unpacked
 * into `<cache>/stack-<hash of both files>/`.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RollguardError } from '../../kernel/errors.ts';
import {
  providePinnedJars,
  toolOptions,
  type FetchOptions,
  type PinnedJars,
} from './pinned-jars.ts';
import { runTool } from './run-tool.ts';

/**
 * Jars of the converter that the Connect worker brings itself, in its own version. Beside the
 * connector they would shadow the worker's, and no converter could be instantiated.
 */
const shadowingJars =
  /^(connect-api|connect-json|kafka-clients|slf4j-api|lz4-java|snappy-java|zstd-jni)-\d/;

export const stackJars: PinnedJars = {
  name: 'stack',
  pomFile: fileURLToPath(new URL('./pom.xml', import.meta.url)),
  shaListFile: fileURLToPath(new URL('./jars.sha256', import.meta.url)),
  profiles: ['kafka', 'converter', 'archives'],
  finish: unpack,
};

export interface Artifacts {
  /** Class path of the broker, the tools and the Connect worker. */
  readonly kafkaJars: string;
  /** `plugin.path` of Connect: Debezium and the Avro converter. */
  readonly connectPlugins: string;
  readonly registryJar: string;
}

/** Fetches and checks what is not there yet. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD */
export async function provideArtifacts(options: FetchOptions): Promise<Artifacts> {
  return artifactsIn(await providePinnedJars(stackJars, options));
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
