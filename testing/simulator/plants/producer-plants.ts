/** Bugs of a producer: what is asked of the transaction's coordinator, and in which order. */
import { isRollguardError } from '../../../kernel/errors.ts';
import type {
  ProduceBatch,
  ProducedBatch,
  TransactionalProducer,
} from '../../../streams/kafka/port.ts';
import type { RequestKind } from '../../in-process-kafka.ts';
import type { Plant } from '../plant.ts';
import { withProducers } from './wrapped-producer.ts';

export const offsetsFirst: Plant = {
  summary: 'offsets are committed in a transaction before that of the changelog',
  port: (port) =>
    withProducers(port, (producer) => {
      let waiting: { readonly batches: readonly ProduceBatch[]; offsets: number[] } | undefined;
      return {
        produce: (batches) => {
          const offsets: number[] = [];
          waiting = { batches, offsets };
          // Where they land is asked only after the commit.
          const produced = batches.map(({ topic, partition }, index): ProducedBatch => ({
            topic,
            partition,
            get baseOffset() {
              return offsets[index] ?? 0;
            },
          }));
          return Promise.resolve(produced);
        },
        sendOffsets: async (offsets) => {
          await producer.sendOffsets(offsets);
          await producer.commit();
        },
        commit: async () => {
          const { batches = [], offsets = [] } = waiting ?? {};
          waiting = undefined;
          if (batches.length > 0) {
            const produced = await producer.produce(batches);
            offsets.push(...produced.map(({ baseOffset }) => baseOffset));
          }
          await producer.commit();
        },
      };
    }),
};

export const answerBeforeCommit: Plant = {
  summary: 'a commit is reported before the broker has answered it',
  port: (port) =>
    withProducers(port, (producer) => {
      let committing: Promise<void> = Promise.resolve();
      /** What became of it is noticed with the next request. */
      const after = async <T>(request: () => Promise<T>): Promise<T> => {
        await committing;
        return request();
      };
      return {
        addPartitions: (partitions) => after(() => producer.addPartitions(partitions)),
        produce: (batches) => after(() => producer.produce(batches)),
        sendOffsets: (offsets) => after(() => producer.sendOffsets(offsets)),
        abort: () => after(() => producer.abort()),
        commit: async () => {
          await committing;
          committing = producer.commit();
          committing.catch(() => undefined);
        },
        recover: async () => {
          await committing.catch(() => undefined);
          committing = Promise.resolve();
          await producer.recover();
        },
      };
    }),
};

export const takenAfterUnknown: Plant = {
  summary: 'after an unknown outcome the producer is initialised with -1/-1, as a new owner does',
  port: (port) =>
    withProducers(port, (first, open) => {
      let producer: TransactionalProducer = first;
      return {
        addPartitions: (partitions) => producer.addPartitions(partitions),
        produce: (batches) => producer.produce(batches),
        sendOffsets: (offsets) => producer.sendOffsets(offsets),
        commit: () => producer.commit(),
        abort: () => producer.abort(),
        recover: async () => {
          producer = await open();
        },
      };
    }),
};

/** Sends a request again, as it was, when no answer came. */
function repeated(kind: RequestKind): Plant {
  return {
    summary: `${kind} without an answer is sent again under the same epoch`,
    send: (send) => async (asked, execute) => {
      try {
        return await send(asked, execute);
      } catch (error) {
        if (asked !== kind || !isRollguardError(error, 'OUTCOME_UNKNOWN')) throw error;
        return send(asked, execute);
      }
    },
  };
}

export const endRepeated = repeated('EndTxn');
export const offsetsRepeated = repeated('TxnOffsetCommit');

export const endsForgotten: Plant = {
  summary: 'a new owner leaves the last transaction of its id as the broker left it',
  port: (port) => withProducers(port, () => ({ repeatEnd: () => Promise.resolve(undefined) })),
};
