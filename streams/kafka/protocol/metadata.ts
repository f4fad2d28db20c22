/** Metadata: the brokers, and of the named topics the ids, partitions and leaders. */
import type { ByteReader } from './byte-reader.ts';
import type { Api, Message } from './message.ts';

export interface BrokerNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** −1 while no leader is known. */
  readonly leader: number;
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionMetadata[];
}

export interface MetadataResponse {
  readonly brokers: readonly BrokerNode[];
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

const api: Api = { key: 3, name: 'Metadata', minVersion: 11, maxVersion: 12, flexible: true };
const noTopicId = Buffer.alloc(16);

export function metadataRequest(topics: readonly string[]): Message<MetadataResponse> {
  return {
    api,
    encode: (writer) => {
      writer.compactArray(topics, (name) => {
        writer.uuid(noTopicId);
        writer.compactString(name);
        writer.noTags();
      });
      writer.boolean(false); // allow_auto_topic_creation
      writer.boolean(false); // include_topic_authorized_operations
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const brokers = reader.compactArray(() => readBroker(reader));
      reader.compactNullableString(); // cluster id
      const controllerId = reader.int32();
      return { brokers, controllerId, topics: reader.compactArray(() => readTopic(reader)) };
    },
  };
}

function readBroker(reader: ByteReader): BrokerNode {
  const broker = { nodeId: reader.int32(), host: reader.compactString(), port: reader.int32() };
  reader.compactNullableString(); // rack
  reader.skipTags();
  return broker;
}

function readTopic(reader: ByteReader): TopicMetadata {
  const errorCode = reader.int16();
  const name = reader.compactString();
  const topicId = reader.uuid();
  reader.boolean(); // is internal
  const partitions = reader.compactArray(() => readPartition(reader));
  reader.int32(); // authorised operations
  reader.skipTags();
  return { errorCode, name, topicId, partitions };
}

function readPartition(reader: ByteReader): PartitionMetadata {
  const partition = {
    errorCode: reader.int16(),
    partition: reader.int32(),
    leader: reader.int32(),
  };
  reader.int32(); // leader epoch
  for (let list = 0; list < 3; list += 1) reader.compactArray(() => reader.int32()); // replicas, in sync, offline
  reader.skipTags();
  return partition;
}
