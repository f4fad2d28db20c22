/** A projector in a process of its own, for tests that kill it: settings are in its environment. */
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { projectorFor } from './projected.ts';

const env = (name: string): string => process.env[name] ?? '';
const port = createKafkajsPort({
  brokers: env('TEST_BROKERS').split(','),
  clientId: 'killed',
  clock: systemClock,
  logger: silentLogger,
});
const registry = createRegistryClient({ url: env('TEST_REGISTRY'), clock: systemClock });
projectorFor({
  ...{ port, registry, metrics: noMetrics, topic: env('TEST_TOPIC') },
  databaseUrl: env('TEST_DATABASE'),
  // Small, so that most of a life is between two commits.
  limits: { batchRecordsMax: 5 },
}).start();
