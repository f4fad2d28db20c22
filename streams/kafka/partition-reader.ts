/**
 * Reads assigned partitions. Each leader has at most one fetch under way, and each partition at most
 * one answer that waits to be polled, so memory is bounded by `fetchMaxBytes` a broker. The next fetch
 * starts when an answer has been taken: it runs while the caller works on the records.
 */
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import { brokerError, brokerErrorCode, reactionTo } from './error-reactions.ts';
import type { KafkaClient } from './kafka-client.ts';
import { partitionName } from './partition-name.ts';
import type { FetchedPartition, PartitionOffset, PartitionReader, TopicPartition } from './port.ts';
import { fetchRequest, type FetchedBytes } from './protocol/fetch.ts';
import type { BrokerNode } from './protocol/metadata.ts';
import { decodeRecords } from './record-batch-reader.ts';

// How long a broker may hold a fetch that finds nothing; a partition assigned meanwhile waits as long.
const fetchWaitMs = 200;
const retryBackoffMs = 50;
// A reason of our own: without one every abort makes an exception with its stack.
const woken = 'woken';
// A topic just created may be unknown to its leader for a moment; after this it does not exist.
const topicGraceMs = 3_000;

export interface FetchLimits {
  /** Of one answer: what a reader keeps in memory for each broker. A larger single batch is still read. */
  readonly fetchMaxBytes: number;
  readonly fetchMaxBytesPerPartition: number;
  /** A broker answers early once it has this much. */
  readonly fetchMinBytes: number;
}

export interface PartitionReaderOptions {
  readonly client: KafkaClient;
  /** The reader's own connections: a waiting fetch blocks them. */
  readonly pool: BrokerPool;
  readonly limits: FetchLimits;
}

interface Assigned extends TopicPartition {
  position: number;
  isPaused: boolean;
  isFetching: boolean;
  /** Cannot be read on; told once, until assigned anew. */
  isFailed: boolean;
  retryAtMs: number;
  missingSinceMs: number | undefined;
  highWatermark: number;
  lastStableOffset: number;
  logStartOffset: number;
  /** What has arrived and was not polled yet. */
  ready: FetchedPartition | undefined;
}

export class KafkaPartitionReader implements PartitionReader {
  readonly #client: KafkaClient;
  readonly #pool: BrokerPool;
  readonly #limits: FetchLimits;
  /** In the order in which they are fetched: who brought records goes to the end. */
  readonly #assigned = new Map<string, Assigned>();
  readonly #busyLeaders = new Set<number>();
  /** Of a poll that sleeps. */
  #sleep: AbortController | undefined;
  #failingSinceMs: number | undefined;
  #failure: RollguardError | undefined;
  #isClosed = false;
  #isWoken = false;

  constructor(options: PartitionReaderOptions) {
    this.#client = options.client;
    this.#pool = options.pool;
    this.#limits = options.limits;
  }

  assign(positions: readonly PartitionOffset[]): void {
    for (const position of positions)
      this.#assigned.set(partitionName(position), freshlyAssigned(position));
    this.#endSleep();
  }

  unassign(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assigned.delete(partitionName(partition));
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.#endSleep();
  }

  async poll(maxWaitMs: number): Promise<readonly FetchedPartition[]> {
    const { clock } = this.#client;
    const startedMs = clock.monotonicMs();
    for (;;) {
      this.#throwFailure();
      const ready = this.#takeReady();
      this.#startFetches();
      const remainingMs = maxWaitMs - (clock.monotonicMs() - startedMs);
      if (ready.length > 0 || remainingMs <= 0 || this.#isWoken) {
        this.#isWoken = false;
        return ready;
      }
      this.#sleep = new AbortController();
      await clock.sleep(Math.min(remainingMs, this.#untilRetryMs()), this.#sleep.signal);
      this.#sleep = undefined;
    }
  }

  wakeUp(): void {
    this.#isWoken = true;
    this.#endSleep();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#assigned.clear();
    this.#endSleep();
    await this.#pool.close();
  }

  #endSleep(): void {
    this.#sleep?.abort(woken);
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const assigned = this.#assigned.get(partitionName(partition));
      if (assigned !== undefined) assigned.isPaused = isPaused;
    }
  }

  #throwFailure(): void {
    if (this.#isClosed) throw new RollguardError('ILLEGAL_STATE', 'poll of a closed reader');
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #takeReady(): FetchedPartition[] {
    const ready: FetchedPartition[] = [];
    for (const assigned of this.#assigned.values()) {
      if (assigned.ready === undefined || assigned.isPaused) continue;
      ready.push(assigned.ready);
      assigned.ready = undefined;
    }
    return ready;
  }

  #startFetches(): void {
    const byLeader = new Map<BrokerNode, Assigned[]>();
    const leaderless: Assigned[] = [];
    const nowMs = this.#client.clock.monotonicMs();
    for (const assigned of this.#assigned.values()) {
      if (!isFetchable(assigned) || assigned.retryAtMs > nowMs) continue;
      const leader = this.#client.cluster.leaderOf(assigned);
      if (leader === undefined) {
        leaderless.push(assigned);
        continue;
      }
      const same = byLeader.get(leader);
      if (same === undefined) byLeader.set(leader, [assigned]);
      else same.push(assigned);
    }
    if (leaderless.length > 0) void this.#findLeaders(leaderless);
    for (const [leader, partitions] of byLeader) {
      if (!this.#busyLeaders.has(leader.nodeId)) void this.#fetch(leader, partitions);
    }
  }

  async #findLeaders(partitions: readonly Assigned[]): Promise<void> {
    const { cluster, requestTimeoutMs } = this.#client;
    await this.#attempt(partitions, async () => {
      await cluster.refresh(
        partitions.map(({ topic }) => topic),
        requestTimeoutMs,
      );
      for (const assigned of partitions) {
        if (cluster.leaderOf(assigned) !== undefined) continue;
        this.#partitionFailed(assigned, cluster.leaderError(assigned));
      }
    });
  }

  async #fetch(leader: BrokerNode, partitions: readonly Assigned[]): Promise<void> {
    this.#busyLeaders.add(leader.nodeId);
    await this.#attempt(partitions, async () => {
      const message = fetchRequest({
        maxWaitMs: fetchWaitMs,
        minBytes: this.#limits.fetchMinBytes,
        maxBytes: this.#limits.fetchMaxBytes,
        maxBytesPerPartition: this.#limits.fetchMaxBytesPerPartition,
        positions: partitions.map(({ topic, partition, position }) => ({
          topic,
          partition,
          offset: position,
        })),
      });
      const timeoutMs = fetchWaitMs + this.#client.requestTimeoutMs;
      const answer = await this.#pool.send(leader, message, timeoutMs);
      if (answer.errorCode !== brokerErrorCode.none) throw brokerError(answer.errorCode, 'fetch');
      const requested = new Map(partitions.map((assigned) => [partitionName(assigned), assigned]));
      for (const fetched of answer.partitions) {
        const assigned = requested.get(partitionName(fetched));
        if (assigned !== undefined) this.#accept(assigned, fetched);
      }
    });
    this.#busyLeaders.delete(leader.nodeId);
    this.#endSleep();
  }

  /** Runs one request for these partitions and draws the conclusions from its failure. */
  async #attempt(partitions: readonly Assigned[], request: () => Promise<void>): Promise<void> {
    const { clock, cluster } = this.#client;
    const startedMs = clock.monotonicMs();
    for (const assigned of partitions) assigned.isFetching = true;
    try {
      await request();
      this.#failingSinceMs = undefined;
    } catch (error) {
      cluster.forgetLeaders(partitions);
      for (const assigned of partitions) assigned.retryAtMs = clock.monotonicMs() + retryBackoffMs;
      this.#requestFailed(error, startedMs);
    }
    for (const assigned of partitions) assigned.isFetching = false;
    this.#endSleep();
  }

  /** Told to the caller when it lasts as long as a request may take, or is past mending. */
  #requestFailed(error: unknown, startedMs: number): void {
    const { clock, requestTimeoutMs, logger } = this.#client;
    if (this.#isClosed) return;
    const isPassing =
      isRollguardError(error, 'KAFKA_RETRIABLE') || isRollguardError(error, 'KAFKA_TIMEOUT');
    if (!isPassing) {
      const message = `fetch failed: ${messageOf(error)}`;
      this.#failure = new RollguardError('KAFKA_FATAL', message, { cause: error });
      return;
    }
    if (this.#failingSinceMs === undefined) logger.warn('fetch failed, trying again', { error });
    this.#failingSinceMs ??= startedMs;
    if (clock.monotonicMs() - this.#failingSinceMs < requestTimeoutMs) return;
    this.#failingSinceMs = undefined;
    const message = `fetch: no success within ${requestTimeoutMs} ms, last: ${error.message}`;
    this.#failure = new RollguardError('KAFKA_UNAVAILABLE', message, { cause: error });
  }

  #accept(assigned: Assigned, fetched: FetchedBytes): void {
    if (fetched.errorCode !== brokerErrorCode.none) {
      const what = `fetch of ${partitionName(assigned)} from offset ${assigned.position}`;
      this.#partitionFailed(assigned, brokerError(fetched.errorCode, what));
      return;
    }
    assigned.missingSinceMs = undefined;
    try {
      this.#arrived(assigned, fetched);
    } catch (error) {
      const message = `${partitionName(assigned)}: ${messageOf(error)}`;
      fail(assigned, new RollguardError('KAFKA_FATAL', message, { cause: error }));
    }
  }

  #arrived(assigned: Assigned, fetched: FetchedBytes): void {
    const { topic, partition, position } = assigned;
    const { highWatermark, lastStableOffset, logStartOffset } = fetched;
    const { records, nextOffset } = decodeRecords(fetched.bytes, position, fetched.aborted);
    const hasMoved =
      nextOffset !== position ||
      highWatermark !== assigned.highWatermark ||
      lastStableOffset !== assigned.lastStableOffset;
    const limits = { highWatermark, lastStableOffset, logStartOffset };
    Object.assign(assigned, limits, { position: nextOffset });
    if (hasMoved) assigned.ready = { topic, partition, records, nextOffset, ...limits };
    if (fetched.bytes.length > 0) this.#moveToEnd(assigned);
  }

  /** An answer has a size limit: who had his share lets the others go first. */
  #moveToEnd(assigned: Assigned): void {
    const name = partitionName(assigned);
    if (this.#assigned.get(name) !== assigned) return;
    this.#assigned.delete(name);
    this.#assigned.set(name, assigned);
  }

  #partitionFailed(assigned: Assigned, error: RollguardError): void {
    const { cluster, clock } = this.#client;
    const reaction = reactionTo(Number(error.context['kafkaErrorCode']));
    if (error.code !== 'KAFKA_RETRIABLE') {
      fail(assigned, error);
      return;
    }
    const nowMs = clock.monotonicMs();
    assigned.retryAtMs = nowMs + retryBackoffMs;
    if (reaction !== 'wait') cluster.forgetLeaders([assigned]);
    if (reaction !== 'find-topic') return;
    assigned.missingSinceMs ??= nowMs;
    if (nowMs - assigned.missingSinceMs < topicGraceMs) return;
    fail(assigned, new RollguardError('TOPIC_MISSING', error.message, { cause: error }));
  }

  #untilRetryMs(): number {
    const nowMs = this.#client.clock.monotonicMs();
    let untilMs = Infinity;
    for (const assigned of this.#assigned.values()) {
      if (isFetchable(assigned) && assigned.retryAtMs > nowMs) {
        untilMs = Math.min(untilMs, assigned.retryAtMs - nowMs);
      }
    }
    return untilMs;
  }
}

function freshlyAssigned({ topic, partition, offset }: PartitionOffset): Assigned {
  return {
    topic,
    partition,
    position: offset,
    isPaused: false,
    isFetching: false,
    isFailed: false,
    retryAtMs: 0,
    missingSinceMs: undefined,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    ready: undefined,
  };
}

function isFetchable(assigned: Assigned): boolean {
  const { isPaused, isFetching, isFailed, ready } = assigned;
  return !isPaused && !isFetching && !isFailed && ready === undefined;
}

function fail(assigned: Assigned, error: RollguardError): void {
  const { topic, partition, position, highWatermark, lastStableOffset, logStartOffset } = assigned;
  assigned.isFailed = true;
  assigned.ready = {
    topic,
    partition,
    records: [],
    nextOffset: position,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    error,
  };
}
