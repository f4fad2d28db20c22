/**
 * The requests of an open transaction: AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn.
 * Their versions are the last ones before transaction version 2, in which the broker adds partitions
 * by itself and bumps the epoch with every commit (ADR 0003 says why not).
 */
import type { PartitionOffset, TopicPartition } from '../port.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { ProducerIdentity } from './init-producer-id.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

/** Whose transaction it is; every request of it carries these. */
export interface TransactionOwner extends ProducerIdentity {
  readonly transactionalId: string;
}

export interface GroupGeneration {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  /** Of a static member. */
  readonly groupInstanceId?: string | undefined;
}

const addPartitions: Api = {
  key: 24,
  name: 'AddPartitionsToTxn',
  minVersion: 3,
  maxVersion: 3,
  flexible: true,
};
const addOffsets: Api = {
  key: 25,
  name: 'AddOffsetsToTxn',
  minVersion: 3,
  maxVersion: 4,
  flexible: true,
};
const endTransaction: Api = {
  key: 26,
  name: 'EndTxn',
  minVersion: 3,
  maxVersion: 4,
  flexible: true,
};
const offsetCommit: Api = {
  key: 28,
  name: 'TxnOffsetCommit',
  minVersion: 3,
  maxVersion: 4,
  flexible: true,
};

export function addPartitionsRequest(
  owner: TransactionOwner,
  partitions: readonly TopicPartition[],
): Message<readonly PartitionError[]> {
  return {
    api: addPartitions,
    encode: (writer) => {
      writeOwner(writer, owner);
      writer.compactArray(byTopic(partitions), ([topic, ofTopic]) => {
        writer.compactString(topic);
        writer.compactArray(ofTopic, ({ partition }) => writer.int32(partition));
        writer.noTags();
      });
      writer.noTags();
    },
    decode: readPartitionErrors,
  };
}

export function addOffsetsRequest(
  owner: TransactionOwner,
  groupId: string,
): Message<{ readonly errorCode: number }> {
  return {
    api: addOffsets,
    encode: (writer) => {
      writeOwner(writer, owner);
      writer.compactString(groupId);
      writer.noTags();
    },
    decode: readError,
  };
}

export function transactionOffsetCommitRequest(
  owner: TransactionOwner,
  group: GroupGeneration,
  offsets: readonly PartitionOffset[],
): Message<readonly PartitionError[]> {
  return {
    api: offsetCommit,
    encode: (writer) => {
      writer.compactString(owner.transactionalId);
      writer.compactString(group.groupId);
      writer.int64(owner.producerId);
      writer.int16(owner.producerEpoch);
      writer.int32(group.generationId);
      writer.compactString(group.memberId);
      writer.compactNullableString(group.groupInstanceId ?? null);
      writeOffsets(writer, offsets);
      writer.noTags();
    },
    decode: readPartitionErrors,
  };
}

export function endTransactionRequest(
  owner: TransactionOwner,
  committed: boolean,
): Message<{ readonly errorCode: number }> {
  return {
    api: endTransaction,
    encode: (writer) => {
      writeOwner(writer, owner);
      writer.boolean(committed);
      writer.noTags();
    },
    decode: readError,
  };
}

export function writeOffsets(writer: ByteWriter, offsets: readonly PartitionOffset[]): void {
  writer.compactArray(byTopic(offsets), ([topic, ofTopic]) => {
    writer.compactString(topic);
    writer.compactArray(ofTopic, ({ partition, offset }) => {
      writer.int32(partition);
      writer.int64(offset);
      writer.int32(-1); // leader epoch: not known
      writer.compactNullableString(null); // metadata
      writer.noTags();
    });
    writer.noTags();
  });
}

function writeOwner(writer: ByteWriter, owner: TransactionOwner): void {
  writer.compactString(owner.transactionalId);
  writer.int64(owner.producerId);
  writer.int16(owner.producerEpoch);
}

function readError(reader: ByteReader): { readonly errorCode: number } {
  reader.int32(); // throttle time
  return { errorCode: reader.int16() };
}

export function readPartitionErrors(reader: ByteReader): readonly PartitionError[] {
  reader.int32(); // throttle time
  return reader
    .compactArray(() => {
      const topic = reader.compactString();
      const partitions = reader.compactArray(() => {
        const error = { topic, partition: reader.int32(), errorCode: reader.int16() };
        reader.skipTags();
        return error;
      });
      reader.skipTags();
      return partitions;
    })
    .flat();
}
