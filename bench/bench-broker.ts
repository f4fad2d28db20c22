/** One Kafka broker for a bench: the stack's own part, alone, with fresh data; it ends with the bench. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../kernel/logger.ts';
import { createKafkajsPort, type KafkajsPortOptions } from '../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../streams/kafka/port.ts';
import type { CliContext } from '../tools/cli-context.ts';
import { stackDown, stackUp } from '../tools/stack/stack.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const defaultFolder = '.rollguard/bench-broker';

export interface BenchContext extends Pick<CliContext, 'env' | 'clock' | 'progress'> {
  readonly signal: AbortSignal;
}

export interface BenchBroker {
  readonly brokers: readonly string[];
  readonly port: KafkaPort;
}

export async function withBenchBroker<T>(
  context: BenchContext,
  use: (broker: BenchBroker) => Promise<T>,
): Promise<T> {
  const options = { root, ...context, stateDir: path.join(root, defaultFolder) };
  await stackDown({ ...options, deleteData: true });
  const stack = await stackUp({ ...options, parts: ['kafka'] });
  const brokers = stack.endpoints.kafkaBrokers.split(',');
  const port = benchPort(context, { brokers, clientId: 'bench' });
  try {
    return await use({ brokers, port });
  } finally {
    await port.close();
    await stackDown({ ...options, deleteData: true });
  }
}

/** The records of a bench carry a time of the past; a broker would soon clear them away for their age. */
export async function createBenchTopics(
  { port }: BenchBroker,
  names: readonly string[],
  partitionCount: number,
  limits: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const configs = { 'retention.ms': '-1', ...limits };
  await port.admin.createTopics(names.map((name) => ({ name, partitionCount, configs })));
  return names;
}

export function benchPort(
  { clock }: Pick<BenchContext, 'clock'>,
  options: Pick<KafkajsPortOptions, 'brokers' | 'clientId'>,
): KafkaPort {
  return createKafkajsPort({ ...options, clock, logger: silentLogger });
}
