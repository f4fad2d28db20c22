/** Fetch with isolation level read_committed and without a session: many partitions of one leader. */
import type { AbortedTransaction } from '../aborted-ranges.ts';
import type { PartitionOffset } from '../port.ts';
import type { ByteReader } from './byte-reader.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly positions: readonly PartitionOffset[];
}

export interface FetchedBytes extends PartitionError {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, the last one perhaps cut off. */
  readonly bytes: Buffer;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly partitions: readonly FetchedBytes[];
}

// The last version that is not flexible and names topics by name.
const api: Api = { key: 1, name: 'Fetch', minVersion: 11, maxVersion: 11, flexible: false };
const readCommitted = 1;

export function fetchRequest(request: FetchRequest): Message<FetchResponse> {
  return {
    api,
    encode: (writer) => {
      writer.int32(-1); // replica id: a client
      writer.int32(request.maxWaitMs);
      writer.int32(request.minBytes);
      writer.int32(request.maxBytes);
      writer.int8(readCommitted);
      writer.int32(0); // session id: none
      writer.int32(-1); // session epoch: none
      writer.array(byTopic(request.positions), ([topic, positions]) => {
        writer.string(topic);
        writer.array(positions, ({ partition, offset }) => {
          writer.int32(partition);
          writer.int32(-1); // leader epoch: not checked
          writer.int64(offset);
          writer.int64(-1); // log start offset: followers only
          writer.int32(request.maxBytesPerPartition);
        });
      });
      writer.int32(0); // forgotten topics
      writer.string(''); // rack
    },
    decode: readResponse,
  };
}

function readResponse(reader: ByteReader): FetchResponse {
  reader.int32(); // throttle time
  const errorCode = reader.int16();
  reader.int32(); // session id
  const topics = reader.array(() => {
    const topic = reader.string();
    return reader.array(() => readPartition(reader, topic));
  });
  return { errorCode, partitions: topics.flat() };
}

function readPartition(reader: ByteReader, topic: string): FetchedBytes {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted = reader.array(() => ({
    producerId: reader.int64(),
    firstOffset: reader.int64(),
  }));
  reader.int32(); // preferred read replica
  const bytes = reader.bytes();
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    aborted,
    bytes,
  };
}
