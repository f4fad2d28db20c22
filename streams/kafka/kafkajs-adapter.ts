/**
 * The Kafka port on real brokers. kafkajs gives the connections (TLS, SASL); everything sent over them
 * is written and read here, since exactly-once needs what kafkajs lacks (ADR 0003). One broker answers
 * a connection's requests in order, so roles that would hold each other up have connections of their own.
 */
import { setMaxListeners } from 'node:events';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { BatchSender, type BatchSenderOptions } from './batch-sender.ts';
import type { BrokerAddress, ConnectionOptions } from './broker-connection.ts';
import { BrokerPool } from './broker-pool.ts';
import { Cluster } from './cluster.ts';
import type { CompressionType } from './compression.ts';
import { KafkaGroupMember } from './group-member.ts';
import { HeartbeatThread } from './heartbeat-thread.ts';
import { KafkajsAdmin } from './kafka-admin.ts';
import type { KafkaClient } from './kafka-client.ts';
import { noKeepAlive } from './keep-alive.ts';
import { KafkaPartitionReader } from './partition-reader.ts';
import type {
  GroupMember,
  GroupOptions,
  KafkaAdmin,
  KafkaPort,
  PartitionReader,
  PlainProducer,
  ProducerOptions,
  TransactionEnd,
  TransactionalProducer,
} from './port.ts';
import { KafkaPlainProducer } from './plain-producer.ts';
import { noIdentity } from './protocol/init-producer-id.ts';
import { Retries } from './retries.ts';
import { TransactionRequests, ownerOf } from './transaction-requests.ts';
import { KafkaTransactionalProducer } from './transactional-producer.ts';

export interface KafkajsPortOptions {
  /** `host:port`, `[v6 address]:port`; a few of the cluster's brokers are enough. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: TlsOptions;
  readonly sasl?: SASLOptions;
  /** Bound of every call, retries included; a join may take the rebalance time-out longer. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** For TCP, TLS, API versions and SASL of one connection. Default 3,000. */
  readonly connectionTimeoutMs?: number;
  /**
   * Where to connect to for an advertised address: a proxy, a forwarded port. Default: there. The heartbeat
   * thread cannot take a function along: with one, a member's heartbeats end when its thread is busy.
   */
  readonly route?: (advertised: BrokerAddress) => BrokerAddress;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of what producers send, as Kafka's `compression.type`. Default none. */
  readonly compressionType?: CompressionType;
  /** Default 8 MiB: what a reader holds in memory for each broker. */
  readonly fetchMaxBytes?: number;
  /** Default 1 MiB. */
  readonly fetchMaxBytesPerPartition?: number;
  /** Default 1: answer as soon as there is a record. */
  readonly fetchMinBytes?: number;
}

const mebibyte = 1_048_576;
// A broker works on one request of a connection at a time: a few connections keep producers from
// waiting for each other, one for each would be many. How many is best has not been measured.
const producerLanes = 4;

export function createKafkajsPort(options: KafkajsPortOptions): KafkaPort {
  return new KafkajsPort(options);
}

class KafkajsPort implements KafkaPort {
  readonly admin: KafkaAdmin;
  readonly #options: KafkajsPortOptions;
  readonly #client: KafkaClient;
  readonly #pools = new Set<BrokerPool>();
  readonly #lastEnds = new Map<string, TransactionEnd>();
  readonly #lanes: readonly BrokerPool[];
  readonly #heartbeats: HeartbeatThread | undefined;
  readonly #closed = new AbortController();
  #nextLane = 0;

  constructor(options: KafkajsPortOptions) {
    this.#options = options;
    const { clock, logger, requestTimeoutMs = 10_000 } = options;
    const pool = this.#openPool();
    const seeds = options.brokers.map(parseAddress);
    const attemptTimeoutMs = Math.ceil(requestTimeoutMs / 3);
    const cluster = new Cluster({ pool, seeds, attemptTimeoutMs });
    const retries = new Retries({ clock, requestTimeoutMs, signal: this.#closed.signal });
    this.#client = { cluster, retries, clock, logger, requestTimeoutMs };
    // Every request that waits for its next try listens to it.
    setMaxListeners(0, this.#closed.signal);
    this.#lanes = Array.from({ length: producerLanes }, () => this.#openPool());
    this.admin = new KafkajsAdmin(this.#client, pool);
    const data = { ...this.#connection, seeds, requestTimeoutMs };
    const isRouted = options.route !== undefined;
    this.#heartbeats = isRouted ? undefined : new HeartbeatThread({ data, logger });
  }

  openReader(): PartitionReader {
    const { fetchMaxBytes = 8 * mebibyte, fetchMaxBytesPerPartition = mebibyte } = this.#options;
    const { fetchMinBytes = 1 } = this.#options;
    return new KafkaPartitionReader({
      client: this.#client,
      pool: this.#openPool(),
      limits: { fetchMaxBytes, fetchMaxBytesPerPartition, fetchMinBytes },
    });
  }

  async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const { transactionalId } = options;
    const client = this.#client;
    const pool = this.#nextProducerLane();
    const lastEnds = this.#lastEnds;
    const requests = new TransactionRequests({ client, pool, lastEnds, ...options });
    const identity = await requests.initProducerId(noIdentity);
    return new KafkaTransactionalProducer({
      owner: ownerOf(transactionalId, identity),
      requests,
      sender: new BatchSender(this.#sending(pool)),
    });
  }

  async openPlainProducer(): Promise<PlainProducer> {
    const producer = new KafkaPlainProducer(this.#sending(this.#nextProducerLane()));
    await producer.recover();
    return producer;
  }

  openMember(options: GroupOptions): GroupMember {
    const times = options.keepAlive;
    return new KafkaGroupMember({
      client: this.#client,
      openPool: () => this.#openPool(),
      group: options,
      keepAlive: (times && this.#heartbeats?.keepAlive(times)) ?? noKeepAlive,
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([this.#heartbeats?.close(), ...[...this.#pools].map((pool) => pool.close())]);
  }

  #sending(pool: BrokerPool): BatchSenderOptions {
    const { compressionType = 'none' } = this.#options;
    return { client: this.#client, pool, compressionType };
  }

  get #connection(): Omit<ConnectionOptions, 'clock' | 'logger'> {
    const { clientId, ssl, sasl, connectionTimeoutMs = 3_000 } = this.#options;
    return { clientId, ssl, sasl, connectionTimeoutMs };
  }

  #openPool(): BrokerPool {
    const { clock, logger } = this.#options;
    const pool = new BrokerPool({
      ...this.#connection,
      route: this.#options.route ?? ((advertised) => advertised),
      clock,
      logger,
      onClose: (closed) => this.#pools.delete(closed),
    });
    this.#pools.add(pool);
    return pool;
  }

  #nextProducerLane(): BrokerPool {
    const lane = this.#lanes[this.#nextLane % this.#lanes.length];
    this.#nextLane += 1;
    return lane ?? this.#openPool();
  }
}

function parseAddress(text: string): BrokerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) {
    throw new RollguardError('CONFIG_INVALID', `Kafka broker '${text}' is not host:port`);
  }
  return { host, port: Number(match?.[3]) };
}
