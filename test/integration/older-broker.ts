/** One broker of an older version, with fresh data, beside the shared stack. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../kernel/clock.ts';
import { portNames } from '../../tools/stack/identity.ts';
import { findJava } from '../../tools/stack/java.ts';
import { provideOlderKafka, type OlderKafkaVersion } from '../../tools/stack/older-kafka.ts';
import { kafkaPart } from '../../tools/stack/parts/kafka.ts';
import { chooseFreePorts } from '../../tools/stack/ports.ts';
import { signalProcess, stopProcess } from '../../tools/stack/processes.ts';
import { stackFolders } from '../../tools/stack/stack-folders.ts';
import type { StackPart } from '../../tools/stack/stack-state.ts';
import { startPart } from '../../tools/stack/start-part.ts';
import { root } from './test-system.ts';

const startTimeoutMs = 90_000;
const stopTimeoutMs = 10_000;

export interface OlderBroker {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startOlderBroker(version: OlderKafkaVersion): Promise<OlderBroker> {
  const { env } = process;
  const { signal } = new AbortController();
  const progress = (): void => undefined;
  const stateDir = path.join(root, '.rollguard', `kafka-${version}`);
  rmSync(stateDir, { recursive: true, force: true });
  const folders = stackFolders({ root, env, stateDir });
  const fetch = { cache: folders.cache, env, clock: systemClock, progress, signal };
  const kafkaJars = await provideOlderKafka(version, fetch);
  const ports = await chooseFreePorts(portNames);
  const none = '';
  const identity = {
    clusterId: 'AAAAAAAAAAAAAAAAAAAAAA',
    passwords: { postgres: none, platformReader: none, rollguard: none },
    ...{ ports, isFurnished: false },
  };
  const artifacts = { kafkaJars, connectPlugins: none, registryJar: none };
  let noted: StackPart | undefined;
  // Whatever ends the tests, the broker does not stay behind.
  const endIt = (): void => {
    if (noted !== undefined) signalProcess(noted, 'SIGKILL');
  };
  process.once('exit', endIt);
  await startPart({
    part: kafkaPart,
    context: { folders, identity, env, signal, artifacts, java: findJava(env).command },
    ...{ clock: systemClock, progress, timeoutMs: startTimeoutMs },
    note: (part) => (noted = part),
  });
  return {
    port: ports.kafka,
    stop: async () => {
      process.removeListener('exit', endIt);
      if (noted === undefined) return;
      await stopProcess(noted, 'SIGTERM', { clock: systemClock, timeoutMs: stopTimeoutMs });
    },
  };
}
