/** Takes the tasks of a stopped application over, as a new owner does. */
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { transactionalIdsOf } from './application-topics.ts';

const transactionTimeoutMs = 60_000;

export interface FenceOptions {
  readonly port: KafkaPort;
  readonly topology: Topology;
  readonly applicationId: string;
  readonly signal: AbortSignal;
}

/**
 * Whoever had a task until now is refused from here on, members of no group too; what it left open is
 * settled. @returns how many tasks there are.
 */
export async function fenceTasks(options: FenceOptions): Promise<number> {
  const { port, topology, applicationId, signal } = options;
  const ids = await transactionalIdsOf(port, topology, applicationId);
  for (const id of ids) {
    signal.throwIfAborted();
    const owner = await port.openProducer({ transactionalId: id, transactionTimeoutMs });
    await owner.close();
  }
  return ids.length;
}
