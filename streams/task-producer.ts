/**
 * What a task writes through. Exactly-once: a transactional producer. At-least-once: a plain one in the
 * same shape, so that a commit is the same steps; where a transaction would end, the offsets that were
 * noted are committed, and everything produced before is acknowledged by then.
 */
import type { GroupOffsets, KafkaPort, TransactionalProducer } from './kafka/port.ts';

export type TaskProducer = Omit<TransactionalProducer, 'transactionalId' | 'producerEpoch'>;

export async function openAtLeastOnceProducer(port: KafkaPort): Promise<TaskProducer> {
  const producer = await port.openPlainProducer();
  let noted: GroupOffsets | undefined;
  const forget = (): Promise<void> => {
    noted = undefined;
    return Promise.resolve();
  };
  return {
    addPartitions: () => Promise.resolve(),
    produce: (batches) => producer.produce(batches),
    sendOffsets: (offsets) => {
      noted = offsets;
      return Promise.resolve();
    },
    commit: async () => {
      const offsets = noted;
      await forget();
      if (offsets !== undefined) await producer.commitOffsets(offsets);
    },
    abort: forget,
    recover: async () => {
      await forget();
      await producer.recover();
    },
    repeatEnd: () => Promise.resolve(undefined),
    close: () => producer.close(),
  };
}
