import { silentLogger } from '../../../kernel/logger.ts';
import type { FetchedRecord, KafkaPort } from '../../../streams/index.ts';
import type { InProcessKafka } from '../../../testing/in-process-kafka.ts';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import { topicsOf } from '../../../tools/stopped-application/application-topics.ts';
import {
  promote,
  type PromoteOptions,
  type PromotionReport,
} from '../../../tools/guard/promote.ts';
import { verifyGuard, type GuardReport } from '../../../tools/verify/verify-guard.ts';
import {
  askGuard,
  captureHotel,
  guardTestTopology,
  hotel,
  lockOne,
  startGuard,
} from '../../support/guard-driver.ts';

export const shadow = 'availability-guard-shadow';
export const plain = 'availability-guard';
const plainEvents = 'inventory.events';

/** What a guard in shadow mode leaves that has granted, changed, refused and released, and is stopped. */
export async function livedInShadow(): Promise<TopologyTestDriver> {
  const driver = await startGuard({ options: { applicationId: shadow } });
  await captureHotel(driver);
  // A transaction of somebody that came to nothing: positions after it shift.
  await writeAborted(driver, `${shadow}-catalogue`);
  await captureHotel(driver);
  const [roomId] = hotel.roomIds;
  await lockOne(driver, { reservationId: 'r1', roomId });
  await lockOne(driver, { reservationId: 'r1', roomId, stayEnd: '2026-05-03' });
  await lockOne(driver, { reservationId: 'r2', roomId });
  const other = await lockOne(driver, { reservationId: 'r3', roomId: hotel.roomIds[1] });
  const lockId = other.status === 'LOCKED' ? other.lock.lockId : '';
  await askGuard(driver, {
    ...{ kind: 'release', tenantId: hotel.tenantId, lockId, reservationId: undefined },
    ...{ reason: 'TEST', actor: 'test', correlationId: undefined, metadata: {} },
    version: undefined,
  });
  await driver.close();
  return driver;
}

async function writeAborted({ kafka }: TopologyTestDriver, topic: string): Promise<void> {
  const producer = await kafka
    .client('stranger')
    .openProducer({ transactionalId: 'stranger', transactionTimeoutMs: 1_000 });
  const records = [1, 2, 3].map((timestampMs) => ({ key: null, value: null, timestampMs }));
  for (const partition of [0, 1]) await producer.produce([{ topic, partition, records }]);
  await producer.abort();
}

export function startPlain({ kafka, clock }: TopologyTestDriver): Promise<TopologyTestDriver> {
  return startGuard({
    ...{ kafka, clock, eventsTopic: plainEvents, topics: { [plainEvents]: 6 } },
    options: { applicationId: plain },
  });
}

export function promoteOn(
  { kafka, clock }: TopologyTestDriver,
  options: Partial<PromoteOptions> & { readonly port?: KafkaPort } = {},
): Promise<PromotionReport> {
  return promote({
    ...{ port: kafka.client('promote'), topology: guardTestTopology(), from: shadow, to: plain },
    ...{ decisions: 'decisions', dryRun: false, clock, progress: () => undefined },
    ...{ signal: new AbortController().signal, ...options },
  });
}

export function verifyPlain(
  { kafka, clock }: TopologyTestDriver,
  stateDir: string,
): Promise<GuardReport> {
  return verifyGuard({
    ...{ topology: guardTestTopology(), applicationId: plain, eventsTopic: plainEvents, stateDir },
    ...{ port: kafka.client('verify'), clock, logger: silentLogger, progress: () => undefined },
    ...{ tombstoneRetentionMs: 24 * 3_600_000, signal: new AbortController().signal },
  });
}

/** The committed records of an application id's topics, by the topic's name without the id. */
export function recordsOf(
  kafka: InProcessKafka,
  applicationId: string,
): Record<string, readonly FetchedRecord[][]> {
  return Object.fromEntries(
    topicsOf(guardTestTopology(), applicationId).map((name) => [
      name.slice(applicationId.length),
      (kafka.topic(name)?.partitions ?? []).map(
        (log) => [...log.readCommitted(0, Infinity).records] as FetchedRecord[],
      ),
    ]),
  );
}
