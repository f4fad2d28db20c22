/** `state verify` of a system whose application is stopped. */
import { createLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { canonicalRollValue } from '../../topology/roll/roll-canonical.ts';
import type { System, SystemOptions } from '../start/system.ts';
import { guardToVerify } from '../verify/guard-to-verify.ts';
import { rollToVerify } from '../verify/roll-to-verify.ts';
import { asItIs, verifyGuard, type GuardReport } from '../verify/verify-guard.ts';
import { verifyState, type StateReport, type VerifyOptions } from '../verify/verify-state.ts';
import { verifyStores, type StoreReport } from '../verify/verify-stores.ts';

type Parts = Pick<SystemOptions, 'clock' | 'progress' | 'signal'>;
type Place = Pick<System, 'stack' | 'stateFolder'>;

/** The Roll Service's. */
export function verifySystem(system: Place, parts: Parts): Promise<StateReport> {
  const roll = rollOf(system, parts);
  return onSystem(system, parts, (common) => verifyState({ ...roll, ...common }));
}

/** The guard's. */
export function verifyGuardOf(system: Place, parts: Parts): Promise<GuardReport> {
  return onSystem(system, parts, (common) => verifyGuard({ ...guardToVerify({}), ...common }));
}

/** The stores of both, against their changelogs alone. */
export function verifyStoresOf(system: Place, parts: Parts): Promise<readonly StoreReport[]> {
  const roll = { ...rollOf(system, parts), canonical: canonicalRollValue };
  const guard = { ...guardToVerify({}), canonical: asItIs };
  return onSystem(system, parts, async (common) => [
    ...(await verifyStores({ ...roll, ...common })),
    ...(await verifyStores({ ...guard, ...common })),
  ]);
}

/** Kafka as it is, past any proxy. */
export async function withPort<Result>(
  { stack }: Pick<System, 'stack'>,
  { clock, progress }: Parts,
  use: (port: KafkaPort) => Promise<Result>,
): Promise<Result> {
  const logger = createLogger({ level: 'warn', clock, write: progress });
  const brokers = stack.endpoints.kafkaBrokers.split(',');
  const port = createKafkajsPort({ brokers, clientId: 'rollguard-verify', clock, logger });
  try {
    return await use(port);
  } finally {
    await port.close();
  }
}

function rollOf({ stack }: Place, { clock }: Parts): ReturnType<typeof rollToVerify> {
  return rollToVerify({ registryUrl: stack.endpoints.schemaRegistryUrl, clock });
}

type Common = Pick<VerifyOptions, 'port' | 'stateDir' | 'logger' | keyof Parts>;

function onSystem<Report>(
  system: Place,
  { clock, progress, signal }: Parts,
  verify: (common: Common) => Promise<Report>,
): Promise<Report> {
  const logger = createLogger({ level: 'warn', clock, write: progress });
  const stateDir = system.stateFolder;
  return withPort(system, { clock, progress, signal }, (port) =>
    verify({ port, stateDir, clock, logger, progress, signal }),
  );
}
