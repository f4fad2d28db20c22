/**
 * DescribeTransactions: how the last transaction of an id ended, as its coordinator decided. The coordinator
 * forgets it with the next InitProducerId, so it has to be asked before.
 */
import type { TransactionEnd } from '../port.ts';
import type { Api, Message } from './message.ts';

/** none: the id has had no transaction since its owner took it, or the broker does not say. unknown: one is open. */
export type LastEnd = TransactionEnd | 'none' | 'unknown';

export interface DescribedTransaction {
  readonly errorCode: number;
  readonly lastEnd: LastEnd;
}

const api: Api = {
  key: 65,
  name: 'DescribeTransactions',
  minVersion: 0,
  maxVersion: 0,
  flexible: true,
};

/** The states of the coordinator that decide; the others may still become one or the other. */
const ends: Readonly<Record<string, LastEnd>> = {
  Empty: 'none',
  Dead: 'none',
  PrepareCommit: 'commit',
  CompleteCommit: 'commit',
  PrepareAbort: 'abort',
  CompleteAbort: 'abort',
};

export function describeTransactionRequest(transactionalId: string): Message<DescribedTransaction> {
  return {
    api,
    encode: (writer) => {
      writer.compactArray([transactionalId], (id) => writer.compactString(id));
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const described = reader.compactArray((): DescribedTransaction => {
        const errorCode = reader.int16();
        reader.compactString(); // transactional id
        const state = reader.compactString();
        reader.int32(); // time-out
        reader.int64(); // start time
        reader.int64(); // producer id
        reader.int16(); // producer epoch
        reader.compactArray(() => {
          reader.compactString(); // topic
          reader.compactArray(() => reader.int32());
          reader.skipTags();
        });
        reader.skipTags();
        return { errorCode, lastEnd: errorCode === 0 ? (ends[state] ?? 'unknown') : 'none' };
      });
      return described[0] ?? { errorCode: 0, lastEnd: 'none' };
    },
  };
}
