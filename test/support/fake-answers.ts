/** The bodies of Kafka's answers in the versions that the port asks for, as a broker writes them. */
import { ByteWriter } from '../../streams/kafka/protocol/byte-writer.ts';
import type { AbortedTransaction } from '../../streams/kafka/aborted-ranges.ts';

export interface FakeNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** By API key: the lowest and the highest version. */
export type VersionTable = Readonly<Record<string, readonly [number, number]>>;

function body(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  write(writer);
  return writer.written;
}

const throttle = (writer: ByteWriter): void => writer.int32(0);

export const apiVersionsAnswer = (errorCode: number, versions: VersionTable): Buffer =>
  body((writer) => {
    writer.int16(errorCode);
    writer.array(Object.entries(versions), ([key, [min, max]]) => {
      writer.int16(Number(key));
      writer.int16(min);
      writer.int16(max);
    });
    throttle(writer);
  });

export interface FakeMetadata {
  readonly nodes: readonly FakeNode[];
  readonly topic: string;
  readonly leader: number;
  readonly errorCode: number;
}

export const metadataAnswer = ({ nodes, topic, leader, errorCode }: FakeMetadata): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.compactArray(nodes, ({ nodeId, host, port }) => {
      writer.int32(nodeId);
      writer.compactString(host);
      writer.int32(port);
      writer.compactNullableString(null); // rack
      writer.noTags();
    });
    writer.compactNullableString('fake-cluster');
    writer.int32(nodes[0]?.nodeId ?? -1); // controller
    writer.compactArray([topic], (name) => {
      writer.int16(errorCode);
      writer.compactString(name);
      writer.uuid(Buffer.alloc(16, 7));
      writer.boolean(false); // is internal
      writer.compactArray([0], (partition) => {
        writer.int16(0);
        writer.int32(partition);
        writer.int32(leader);
        writer.int32(1); // leader epoch
        const replicas = nodes.map(({ nodeId }) => nodeId);
        for (const list of [replicas, replicas, []]) {
          writer.compactArray(list, (node) => writer.int32(node));
        }
        writer.noTags();
      });
      writer.int32(-2_147_483_648); // authorised operations: not asked for
      writer.noTags();
    });
    writer.noTags();
  });

export const coordinatorAnswer = (errorCode: number, node: FakeNode): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
    writer.nullableString(null);
    writer.int32(node.nodeId);
    writer.string(node.host);
    writer.int32(node.port);
  });

export const producerIdAnswer = (errorCode: number, epoch: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
    writer.int64(errorCode === 0 ? 4_000 : -1);
    writer.int16(errorCode === 0 ? epoch : -1);
    writer.noTags();
  });

/** AddPartitionsToTxn and TxnOffsetCommit. */
export const partitionErrorAnswer = (topic: string, errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.compactArray([topic], (name) => {
      writer.compactString(name);
      writer.compactArray([0], (partition) => {
        writer.int32(partition);
        writer.int16(errorCode);
        writer.noTags();
      });
      writer.noTags();
    });
    writer.noTags();
  });

/** AddOffsetsToTxn and EndTxn. */
export const flexibleErrorAnswer = (errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
    writer.noTags();
  });

/** Heartbeat. */
export const errorAnswer = (errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
  });

export const producedAnswer = (topic: string, errorCode: number, baseOffset: number): Buffer =>
  body((writer) => {
    writer.compactArray([topic], (name) => {
      writer.compactString(name);
      writer.compactArray([0], (partition) => {
        writer.int32(partition);
        writer.int16(errorCode);
        writer.int64(errorCode === 0 ? baseOffset : -1);
        writer.int64(-1); // log append time
        writer.int64(0); // log start
        writer.compactArray([], () => undefined); // record errors
        writer.compactNullableString(null);
        writer.noTags();
      });
      writer.noTags();
    });
    throttle(writer);
    writer.noTags();
  });

export interface FakeFetch {
  readonly errorCode: number;
  readonly end: number;
  readonly aborted?: readonly AbortedTransaction[];
  readonly bytes: Buffer;
}

export const fetchAnswer = (topic: string, { errorCode, end, aborted, bytes }: FakeFetch): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(0); // of the whole answer
    writer.int32(0); // session
    writer.array([topic], (name) => {
      writer.string(name);
      writer.array([0], (partition) => {
        writer.int32(partition);
        writer.int16(errorCode);
        writer.int64(errorCode === 0 ? end : -1); // high watermark
        writer.int64(errorCode === 0 ? end : -1); // last stable offset
        writer.int64(0); // log start
        writer.array(aborted ?? [], ({ producerId, firstOffset }) => {
          writer.int64(producerId);
          writer.int64(firstOffset);
        });
        writer.int32(-1); // preferred replica
        writer.bytes(bytes);
      });
    });
  });

export const listOffsetsAnswer = (topic: string, errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.array([topic], (name) => {
      writer.string(name);
      writer.array([0], (partition) => {
        writer.int32(partition);
        writer.int16(errorCode);
        writer.int64(-1); // timestamp
        writer.int64(errorCode === 0 ? 3 : -1);
        writer.int32(1); // leader epoch
      });
    });
  });

export const offsetFetchAnswer = (topic: string, ofPartition: number, ofAnswer: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.compactArray(ofAnswer === 0 ? [topic] : [], (name) => {
      writer.compactString(name);
      writer.compactArray([0], (partition) => {
        writer.int32(partition);
        writer.int64(ofPartition === 0 ? 5 : -1);
        writer.int32(-1); // leader epoch
        writer.compactNullableString('');
        writer.int16(ofPartition);
        writer.noTags();
      });
      writer.noTags();
    });
    writer.int16(ofAnswer);
    writer.noTags();
  });

/** The member that joins is its group's only one, and does not lead it. */
export const joinAnswer = (errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
    writer.int32(errorCode === 0 ? 1 : -1);
    writer.string(errorCode === 0 ? 'rollguard' : '');
    writer.string('leader');
    writer.string('member');
    writer.array([], () => undefined);
  });

export const syncAnswer = (errorCode: number): Buffer =>
  body((writer) => {
    throttle(writer);
    writer.int16(errorCode);
    writer.bytes(Buffer.alloc(0));
  });
