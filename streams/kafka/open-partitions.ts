/**
 * In which partitions a producer's transaction is open, as their leaders say. A partition that does not say is
 * left out: whoever wants to go on must not wait for one that nobody may need.
 */
import { isRollguardError } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import { isPassing } from './error-reactions.ts';
import { askLeaders, type KafkaClient } from './kafka-client.ts';
import type { TopicPartition } from './port.ts';
import { describeProducersRequest } from './protocol/describe-producers.ts';

// Leaders are found anew within this, or are away.
const askingMaxMs = 2_000;

export async function openPartitions(
  client: KafkaClient,
  pool: BrokerPool,
  producerId: number,
  partitions: readonly TopicPartition[],
): Promise<readonly TopicPartition[]> {
  try {
    const described = await askLeaders(client, {
      ...{ pool, partitions, what: 'asking for open transactions', timeoutMs: askingMaxMs },
      message: describeProducersRequest,
      errorsOf: (answers) => answers.filter(({ errorCode }) => isPassing(errorCode)),
    });
    return described
      .filter(({ open }) => open.includes(producerId))
      .map(({ topic, partition }) => ({ topic, partition }));
  } catch (error) {
    // The port is closed.
    if (isRollguardError(error, 'ILLEGAL_STATE')) throw error;
    client.logger.warn('not known whether a transaction is still open in the log', { error });
    return [];
  }
}
