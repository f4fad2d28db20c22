/** `state verify` of a system whose application is stopped. */
import { createLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { System, SystemOptions } from '../start/system.ts';
import { rollToVerify } from '../verify/roll-to-verify.ts';
import { verifyState, type StateReport } from '../verify/verify-state.ts';

export async function verifySystem(
  { stack, stateFolder }: System,
  { clock, progress, signal }: Pick<SystemOptions, 'clock' | 'progress' | 'signal'>,
): Promise<StateReport> {
  const logger = createLogger({ level: 'warn', clock, write: progress });
  const { kafkaBrokers, schemaRegistryUrl } = stack.endpoints;
  const port = createKafkajsPort({
    brokers: kafkaBrokers.split(','),
    ...{ clientId: 'rollguard-verify', clock, logger },
  });
  try {
    const roll = rollToVerify({ registryUrl: schemaRegistryUrl, clock });
    return await verifyState({
      ...roll,
      port,
      stateDir: stateFolder,
      clock,
      logger,
      progress,
      signal,
    });
  } finally {
    await port.close();
  }
}
