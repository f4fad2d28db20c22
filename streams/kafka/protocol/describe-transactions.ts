/**
 * DescribeTransactions: how the last transaction of an id ended, as its coordinator decided. The coordinator
 * forgets it with the next InitProducerId, so it has to be asked before.
 */
import type { TransactionEnd } from '../port.ts';
import type { Api, Message } from './message.ts';

/** none: the id has had no transaction since its owner took it. unknown: one is open, or the broker does not say. */
export type LastEnd = TransactionEnd | 'none' | 'unknown';

const api: Api = {
  key: 65,
  name: 'DescribeTransactions',
  minVersion: 0,
  maxVersion: 0,
  flexible: true,
};

const transactionalIdNotFound = 105;

/** The states of the coordinator that decide; the others may still become one or the other. */
const ends: Readonly<Record<string, LastEnd>> = {
  Empty: 'none',
  Dead: 'none',
  PrepareCommit: 'commit',
  CompleteCommit: 'commit',
  PrepareAbort: 'abort',
  CompleteAbort: 'abort',
};

export function describeTransactionRequest(transactionalId: string): Message<LastEnd> {
  return {
    api,
    encode: (writer) => {
      writer.compactArray([transactionalId], (id) => writer.compactString(id));
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const described = reader.compactArray((): LastEnd => {
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
        if (errorCode === transactionalIdNotFound) return 'none';
        return errorCode === 0 ? (ends[state] ?? 'unknown') : 'unknown';
      });
      return described[0] ?? 'unknown';
    },
  };
}
