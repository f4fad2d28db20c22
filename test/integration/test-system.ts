import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../kernel/clock.ts';
import { createLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { shortSession } from '../../tools/faults/instance-settings.ts';
import { stackUp } from '../../tools/stack/stack.ts';
import type { StackState } from '../../tools/stack/stack-state.ts';
import type { SystemOptions } from '../../tools/start/system.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The stack that all integration tests share; `npm test` brings it up before them and down after. */
export const testStackFolder = path.join(root, '.rollguard/test');

export const systemOptions = {
  root,
  env: process.env,
  clock: systemClock,
  progress: () => undefined,
  signal: new AbortController().signal,
  stateDir: testStackFolder,
  isFresh: false,
  httpPort: 0,
  // Tests wait for whoever was killed to be missed.
  settings: shortSession,
} satisfies SystemOptions;

export function testStack(): Promise<StackState> {
  return stackUp(systemOptions);
}

export function portOn(stack: StackState, clientId: string): KafkaPort {
  const write = (): void => undefined;
  return createKafkajsPort({
    brokers: stack.endpoints.kafkaBrokers.split(','),
    clientId,
    clock: systemClock,
    logger: createLogger({ level: 'error', clock: systemClock, write }),
  });
}
