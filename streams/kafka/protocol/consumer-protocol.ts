/**
 * What members and leader put into JoinGroup and SyncGroup: the Java consumer's own formats (version
 * 0), so that Kafka's tools can show a group's topics and partitions.
 */
import type { TopicPartition } from '../port.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { byTopic } from './message.ts';

export interface Subscription {
  readonly topics: readonly string[];
  readonly userData: Buffer;
}

const version = 0;
const nothing = Buffer.alloc(0);

export function encodeSubscription({ topics, userData }: Subscription): Buffer {
  const writer = new ByteWriter();
  writer.int16(version);
  writer.array(topics, (topic) => writer.string(topic));
  writer.bytes(userData);
  return writer.written;
}

/** Reads any version: later ones only append fields. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new ByteReader(bytes);
  reader.int16(); // version
  return { topics: reader.array(() => reader.string()), userData: reader.bytes() };
}

export interface Assignment {
  readonly partitions: readonly TopicPartition[];
  /** Empty: none. */
  readonly userData: Buffer;
}

export function encodeAssignment({ partitions, userData }: Assignment): Buffer {
  const writer = new ByteWriter();
  writer.int16(version);
  writer.array(byTopic(partitions), ([topic, ofTopic]) => {
    writer.string(topic);
    writer.array(ofTopic, ({ partition }) => writer.int32(partition));
  });
  if (userData.length > 0) writer.bytes(userData);
  else writer.int32(-1); // user data: none
  return writer.written;
}

/** An empty assignment may come as no bytes at all. */
export function decodeAssignment(bytes: Buffer): Assignment {
  if (bytes.length === 0) return { partitions: [], userData: nothing };
  const reader = new ByteReader(bytes);
  reader.int16(); // version
  const topics = reader.array(() => {
    const topic = reader.string();
    return reader.array(() => ({ topic, partition: reader.int32() }));
  });
  return { partitions: topics.flat(), userData: reader.bytes() };
}
