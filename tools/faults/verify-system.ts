/** `state verify` of a system whose application is stopped. */
import { createLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { System, SystemOptions } from '../start/system.ts';
import { guardToVerify } from '../verify/guard-to-verify.ts';
import { rollToVerify } from '../verify/roll-to-verify.ts';
import { verifyGuard, type GuardReport } from '../verify/verify-guard.ts';
import { verifyState, type StateReport, type VerifyOptions } from '../verify/verify-state.ts';

type Parts = Pick<SystemOptions, 'clock' | 'progress' | 'signal'>;

/** The Roll Service's. */
export function verifySystem(system: System, parts: Parts): Promise<StateReport> {
  const registryUrl = system.stack.endpoints.schemaRegistryUrl;
  const roll = rollToVerify({ registryUrl, clock: parts.clock });
  return onSystem(system, parts, (common) => verifyState({ ...roll, ...common }));
}

/** The guard's. */
export function verifyGuardOf(system: System, parts: Parts): Promise<GuardReport> {
  return onSystem(system, parts, (common) => verifyGuard({ ...guardToVerify({}), ...common }));
}

type Common = Pick<VerifyOptions, 'port' | 'stateDir' | 'logger' | keyof Parts>;

async function onSystem<Report>(
  { stack, stateFolder: stateDir }: System,
  { clock, progress, signal }: Parts,
  verify: (common: Common) => Promise<Report>,
): Promise<Report> {
  const logger = createLogger({ level: 'warn', clock, write: progress });
  const brokers = stack.endpoints.kafkaBrokers.split(',');
  const port = createKafkajsPort({ brokers, clientId: 'rollguard-verify', clock, logger });
  try {
    return await verify({ port, stateDir, clock, logger, progress, signal });
  } finally {
    await port.close();
  }
}
