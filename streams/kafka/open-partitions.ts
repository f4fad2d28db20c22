/**
 * In which partitions a producer's transaction is open, as their leaders say. A partition that does not say is
 * left out: whoever wants to go on must not wait for one that nobody may need.
 */
import { isRollguardError } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import {
  brokerError,
  reactionTo,
  worstError,
  type BrokerErrorReaction,
} from './error-reactions.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { TopicPartition } from './port.ts';
import { describeProducersRequest } from './protocol/describe-producers.ts';

// Leaders are found anew within this, or are away.
const askingMaxMs = 2_000;
const passing: readonly BrokerErrorReaction[] = ['wait', 'find-leader', 'find-topic'];

export async function openPartitions(
  { cluster, retries, logger }: KafkaClient,
  pool: BrokerPool,
  producerId: number,
  partitions: readonly TopicPartition[],
): Promise<readonly TopicPartition[]> {
  const what = 'asking for open transactions';
  const ask = async (remainingMs: number): Promise<readonly TopicPartition[]> => {
    const leaders = await cluster.byLeader(partitions, remainingMs);
    const answers = await Promise.all(
      leaders.map(([leader, ofLeader]) =>
        pool.send(leader, describeProducersRequest(ofLeader), remainingMs),
      ),
    );
    const described = answers.flat();
    const failed = worstError(
      described.filter(({ errorCode }) => passing.includes(reactionTo(errorCode))),
    );
    if (failed === undefined) {
      return described
        .filter(({ open }) => open.includes(producerId))
        .map(({ topic, partition }) => ({ topic, partition }));
    }
    cluster.forgetLeaders(partitions);
    throw brokerError(failed.errorCode, `${what} of ${failed.topic}-${failed.partition}`);
  };
  try {
    return await retries.run(what, ask, askingMaxMs);
  } catch (error) {
    // The port is closed.
    if (isRollguardError(error, 'ILLEGAL_STATE')) throw error;
    cluster.forgetLeaders(partitions);
    logger.warn('not known whether a transaction is still open in the log', { error });
    return [];
  }
}
