/**
 * Brokers over TCP that speak Kafka's protocol byte by byte, with one topic of one partition, and answer
 * what a test tells them to: error codes, nothing, half an answer, another leader.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort, type KafkajsPortOptions } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { ByteReader } from '../../streams/kafka/protocol/byte-reader.ts';
import {
  apiVersionsAnswer,
  coordinatorAnswer,
  errorAnswer,
  fetchAnswer,
  flexibleErrorAnswer,
  joinAnswer,
  listOffsetsAnswer,
  metadataAnswer,
  offsetFetchAnswer,
  partitionErrorAnswer,
  producedAnswer,
  producerIdAnswer,
  syncAnswer,
  type FakeFetch,
  type FakeNode,
  type VersionTable,
} from './fake-answers.ts';

export const apiKeys = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  apiVersions: 18,
  initProducerId: 22,
  addPartitions: 24,
  addOffsets: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const;
export type ApiName = keyof typeof apiKeys;

const nameByKey = new Map<number, ApiName>(
  (Object.entries(apiKeys) as [ApiName, number][]).map(([name, key]) => [key, name]),
);
const flexible: ReadonlySet<ApiName> = new Set([
  'produce',
  'metadata',
  'offsetFetch',
  'initProducerId',
  'addPartitions',
  'addOffsets',
  'endTxn',
  'txnOffsetCommit',
]);

export interface FakeRequest {
  readonly api: ApiName;
  readonly version: number;
  readonly nodeId: number;
}

/** How an answer goes out: whole, not at all, or only its first bytes before the connection ends. */
export type Delivery = 'whole' | 'never' | { readonly firstBytes: number };

const lengthBytes = 4;
const emptyFetchMs = 10;
const allVersions: VersionTable = Object.fromEntries(
  Object.values(apiKeys).map((key) => [key, [0, 99]]),
);

export class FakeKafka {
  readonly topic = 'fake';
  readonly requests: FakeRequest[] = [];
  /** Offsets that were fetched from, and the base sequences of batches, each with the node asked. */
  readonly fetched: { readonly nodeId: number; readonly offset: number }[] = [];
  readonly produced: { readonly nodeId: number; readonly baseSequence: number }[] = [];
  versions: VersionTable = allVersions;
  leader = 1;
  coordinator = 1;
  /** The error code of an answer; 0 is none. */
  errorOf: (request: FakeRequest) => number = () => 0;
  deliveryOf: (request: FakeRequest) => Delivery = () => 'whole';
  /** What lies in the log from an offset on. */
  log: (offset: number) => Omit<FakeFetch, 'errorCode'> = () => ({
    end: 0,
    bytes: Buffer.alloc(0),
  });
  readonly #servers: net.Server[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #ports: KafkaPort[] = [];
  #epoch = 0;
  /** Of answers that do not depend on what was asked. */
  readonly #plainBodies: Record<
    Exclude<ApiName, 'produce' | 'fetch'>,
    (errorCode: number) => Buffer
  > = {
    apiVersions: (errorCode) => apiVersionsAnswer(errorCode, this.versions),
    metadata: (errorCode) => {
      const { nodes, topic, leader } = this;
      return metadataAnswer({ nodes, topic, leader, errorCode });
    },
    findCoordinator: (errorCode) => coordinatorAnswer(errorCode, this.nodes[this.coordinator - 1]!),
    initProducerId: (errorCode) => producerIdAnswer(errorCode, (this.#epoch += 1)),
    addPartitions: (errorCode) => partitionErrorAnswer(this.topic, errorCode),
    txnOffsetCommit: (errorCode) => partitionErrorAnswer(this.topic, errorCode),
    addOffsets: flexibleErrorAnswer,
    endTxn: flexibleErrorAnswer,
    heartbeat: errorAnswer,
    leaveGroup: errorAnswer,
    joinGroup: joinAnswer,
    syncGroup: syncAnswer,
    offsetFetch: (errorCode) => offsetFetchAnswer(this.topic, errorCode, 0),
    listOffsets: (errorCode) => listOffsetsAnswer(this.topic, errorCode),
  };

  static async start(brokerCount = 1): Promise<FakeKafka> {
    const kafka = new FakeKafka();
    for (let nodeId = 1; nodeId <= brokerCount; nodeId += 1) {
      const server = net.createServer((socket) => kafka.#serve(socket, nodeId));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      kafka.#servers.push(server);
    }
    return kafka;
  }

  get nodes(): readonly FakeNode[] {
    return this.#servers.map((server, index) => ({
      nodeId: index + 1,
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
    }));
  }

  /** A client of it. */
  port(options: Partial<KafkajsPortOptions> = {}): KafkaPort {
    const port = createKafkajsPort({
      brokers: this.nodes.map((node) => `${node.host}:${node.port}`),
      clientId: 'fake',
      requestTimeoutMs: 5_000,
      clock: systemClock,
      logger: silentLogger,
      ...options,
    });
    this.#ports.push(port);
    return port;
  }

  /** Answers the next such request with the code, all others with none. */
  failOnce(api: ApiName, errorCode: number): void {
    let isDone = false;
    this.errorOf = (request) => {
      if (isDone || request.api !== api) return 0;
      isDone = true;
      return errorCode;
    };
  }

  countOf(api: ApiName): number {
    return this.requests.filter((request) => request.api === api).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.close()));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  #serve(socket: net.Socket, nodeId: number): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    // A broker works on a connection's requests one after another.
    let working = Promise.resolve();
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= lengthBytes) {
        const end = lengthBytes + rest.readInt32BE(0);
        if (rest.length < end) break;
        const frame = Buffer.from(rest.subarray(lengthBytes, end));
        working = working.then(() => this.#answer(socket, frame, nodeId));
        rest = rest.subarray(end);
      }
    });
  }

  async #answer(socket: net.Socket, frame: Buffer, nodeId: number): Promise<void> {
    const reader = new ByteReader(frame);
    const key = reader.int16();
    const version = reader.int16();
    const correlationId = reader.int32();
    reader.nullableString(); // client id
    const api = nameByKey.get(key);
    if (api === undefined) throw new Error(`the fake broker does not know API ${key}`);
    if (flexible.has(api)) reader.skipTags();
    const request = { api, version, nodeId };
    this.requests.push(request);
    const answer = await this.#bodyOf(request, reader);
    const header = Buffer.alloc(lengthBytes + 4 + (flexible.has(api) ? 1 : 0));
    header.writeInt32BE(header.length - lengthBytes + answer.length, 0);
    header.writeInt32BE(correlationId, lengthBytes);
    const bytes = Buffer.concat([header, answer]);
    const delivery = this.deliveryOf(request);
    if (delivery === 'never' || socket.destroyed) return;
    if (delivery === 'whole') socket.write(bytes);
    else socket.end(bytes.subarray(0, delivery.firstBytes));
  }

  #bodyOf(request: FakeRequest, reader: ByteReader): Buffer | Promise<Buffer> {
    const errorCode = this.errorOf(request);
    const { api } = request;
    if (api === 'produce') return this.#bodyOfProduce(request, reader, errorCode);
    if (api === 'fetch') return this.#bodyOfFetch(request, reader, errorCode);
    return this.#plainBodies[api](errorCode);
  }

  #bodyOfProduce({ nodeId }: FakeRequest, reader: ByteReader, errorCode: number): Buffer {
    reader.compactNullableString(); // transactional id
    reader.int16(); // acks
    reader.int32(); // time-out
    reader.compactArray(() => {
      reader.compactString();
      reader.compactArray(() => {
        reader.int32(); // partition
        const batch = reader.raw(reader.unsignedVarint() - 1);
        this.produced.push({ nodeId, baseSequence: batch.readInt32BE(53) });
        reader.skipTags();
      });
      reader.skipTags();
    });
    return producedAnswer(this.topic, errorCode, this.produced.length);
  }

  async #bodyOfFetch(
    { nodeId }: FakeRequest,
    reader: ByteReader,
    errorCode: number,
  ): Promise<Buffer> {
    for (let field = 0; field < 4; field += 1) reader.int32(); // replica, waits and sizes
    reader.int8(); // isolation level
    reader.int32(); // session id
    reader.int32(); // session epoch
    const [offset = 0] = reader
      .array(() => {
        reader.string();
        return reader.array(() => {
          reader.int32(); // partition
          reader.int32(); // leader epoch
          const from = reader.int64();
          reader.int64(); // log start
          reader.int32(); // size
          return from;
        });
      })
      .flat();
    this.fetched.push({ nodeId, offset });
    const found = this.log(offset);
    if (found.bytes.length === 0 && errorCode === 0) await setTimeout(emptyFetchMs);
    return fetchAnswer(this.topic, { errorCode, ...found });
  }
}
