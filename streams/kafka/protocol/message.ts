/**
 * One request of the Kafka protocol and how its answer is read. A message is written for a range of
 * API versions that share one layout; the connection picks the highest that the broker takes too.
 */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

export interface Api {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Flexible versions use compact types, and tagged fields in both headers. */
  readonly flexible: boolean;
}

export interface Message<Response> {
  readonly api: Api;
  /** Bytes that the encoded body will likely need. */
  readonly sizeHint?: number;
  encode(writer: ByteWriter): void;
  decode(reader: ByteReader): Response;
}

export interface RequestHeader {
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
}

const headerBytes = 64;

/** The request as it goes over the wire, length and header in front, written into one buffer. */
export function encodeRequest(message: Message<unknown>, header: RequestHeader): Buffer {
  const { api, sizeHint = 256 } = message;
  const writer = new ByteWriter(headerBytes + header.clientId.length + sizeHint);
  writer.int32(0); // the length, once it is known
  writer.int16(api.key);
  writer.int16(header.version);
  writer.int32(header.correlationId);
  writer.string(header.clientId);
  if (api.flexible) writer.noTags();
  message.encode(writer);
  const frame = writer.written;
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

/** @param payload what follows the correlation id. */
export function decodeMessage<Response>(message: Message<Response>, payload: Buffer): Response {
  const reader = new ByteReader(payload);
  if (message.api.flexible) reader.skipTags();
  return message.decode(reader);
}

/** A partition's error code out of an answer; 0 is none. */
export interface PartitionError {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

/** Items by topic, in order of first appearance: the shape of nearly every request. */
export function byTopic<T extends { readonly topic: string }>(
  items: readonly T[],
): [string, T[]][] {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const same = topics.get(item.topic);
    if (same === undefined) topics.set(item.topic, [item]);
    else same.push(item);
  }
  return [...topics];
}
