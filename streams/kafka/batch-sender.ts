/**
 * Produces a producer's batches: cuts them to what topics take, sends one request to each leader, keeps
 * each partition's sequence. A partition has one batch on its way at a time, so a refused batch can be
 * sent again with the same sequence. A batch without an answer never is inside a transaction, which may
 * be over when it comes; outside one it is: the broker knows it by its sequence.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { BrokerAddress } from './broker-connection.ts';
import type { BrokerPool } from './broker-pool.ts';
import { isUnreachable } from './cluster.ts';
import type { CompressionType } from './compression.ts';
import { brokerError, brokerErrorCode, reactionTo, worstError } from './error-reactions.ts';
import { outcomeOf, type KafkaClient } from './kafka-client.ts';
import type { ProduceBatch, ProduceRecords, ProducedBatch } from './port.ts';
import { PackedRecords, batchBytesDefault, recordsOf } from './packed-records.ts';
import { produceRequest, type ProducedPartition } from './protocol/produce.ts';
import type { ProducerIdentity } from './protocol/init-producer-id.ts';
import { compressBatch, planBatches, type BatchIdentity, type BatchPlan } from './record-batch.ts';

// Far below the brokers' socket.request.max.bytes of 100 MiB; a request holds at least one batch.
const requestBytesMax = 8 * 1_048_576;
// No broker takes a larger request by default, so a larger record need not be tried.
const recordBytesMax = 100 * 1_048_576;
const sequenceLimit = 2 ** 31;
// Outside a transaction a batch without an answer is sent again: so often fit into one call's time.
const plainAttempts = 3;

/** In whose name batches are written. */
export interface BatchOwner extends ProducerIdentity {
  /** Null: outside any transaction. */
  readonly transactionalId: string | null;
}

/** What is still to be sent to one partition; its first plan is sent next. */
interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly plans: BatchPlan[];
  /** Of the first batch that was acknowledged. */
  baseOffset: number | undefined;
  /** Of the last one; −1: the broker dates none. */
  appendedAtMs: number;
}

export interface BatchSenderOptions {
  /** Of what is sent; a topic's own compression.type may change it on the broker. */
  readonly compressionType: CompressionType;
  readonly client: KafkaClient;
  readonly pool: BrokerPool;
}

export class BatchSender {
  readonly #options: BatchSenderOptions;
  /** The next sequence number, by partition. */
  readonly #sequences = new Map<string, number>();
  /** What a topic was found to take at most, in bytes a batch. */
  readonly #batchBytesMax = new Map<string, number>();

  constructor(options: BatchSenderOptions) {
    this.#options = options;
  }

  /** A new epoch begins every sequence anew. */
  resetSequences(): void {
    this.#sequences.clear();
  }

  /** Error codes as `TransactionalProducer.produce`; after an error some batches may be written. */
  async send(
    owner: BatchOwner,
    batches: readonly ProduceBatch[],
  ): Promise<readonly ProducedBatch[]> {
    const queues = batches.map((batch) => this.#queue(batch));
    await this.#options.client.retries.run(nameOf(owner), async (remainingMs) => {
      let waiting = queues.filter(isWaiting);
      while (waiting.length > 0) {
        await this.#sendRound(owner, firstOfEachPartition(waiting), remainingMs);
        waiting = waiting.filter(isWaiting);
      }
    });
    return queues.map(({ topic, partition, baseOffset = -1, appendedAtMs }) => ({
      ...{ topic, partition, baseOffset },
      appendedAtMs: appendedAtMs < 0 ? undefined : appendedAtMs,
    }));
  }

  #queue({ topic, partition, records }: ProduceBatch): PartitionQueue {
    const bytesMax = this.#batchBytesMax.get(topic) ?? batchBytesDefault;
    const plans = this.#plan(records, bytesMax);
    const tooLarge = plans.find(({ bytes }) => bytes > recordBytesMax);
    if (tooLarge !== undefined) throw recordTooLarge(topic, tooLarge, 'no broker takes so much');
    return { topic, partition, plans, baseOffset: undefined, appendedAtMs: -1 };
  }

  /** Sends the first batch of each queue, a request to each leader; throws the worst of their errors. */
  async #sendRound(
    owner: BatchOwner,
    queues: readonly PartitionQueue[],
    timeoutMs: number,
  ): Promise<void> {
    const { cluster } = this.#options.client;
    const leaders = await cluster.byLeader(queues, timeoutMs);
    const requests = leaders.flatMap(([leader, ofLeader]) =>
      withinRequestSize(ofLeader).map((group) => this.#sendTo(leader, owner, group, timeoutMs)),
    );
    const outcomes = await Promise.allSettled(requests);
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as Error] : [],
    );
    // What is unknown or fenced is told before what may be tried again.
    const worst = errors.find((error) => !isRetriable(error)) ?? errors[0];
    if (worst !== undefined) throw worst;
  }

  async #sendTo(
    leader: BrokerAddress,
    owner: BatchOwner,
    queues: readonly PartitionQueue[],
    timeoutMs: number,
  ): Promise<void> {
    const { client, pool } = this.#options;
    const batches = queues.flatMap(({ topic, partition, plans: [plan] }) =>
      plan === undefined
        ? []
        : [{ topic, partition, plan, identity: this.#identity(owner, { topic, partition }) }],
    );
    const message = produceRequest({
      transactionalId: owner.transactionalId,
      timeoutMs: Math.ceil(timeoutMs),
      batches,
    });
    let answers: readonly ProducedPartition[];
    const isPlain = owner.transactionalId === null;
    const attemptMs = isPlain ? Math.ceil(client.requestTimeoutMs / plainAttempts) : timeoutMs;
    try {
      answers = await pool.send(leader, message, Math.min(timeoutMs, attemptMs));
    } catch (error) {
      if (isUnreachable(error)) client.cluster.forgetLeaders(queues);
      throw isPlain ? error : outcomeOf(error, nameOf(owner));
    }
    this.#settle(queues, answers);
  }

  #identity(
    owner: BatchOwner,
    { topic, partition }: { topic: string; partition: number },
  ): BatchIdentity {
    const baseSequence = this.#sequences.get(`${topic}-${partition}`) ?? 0;
    return { ...owner, baseSequence, isTransactional: owner.transactionalId !== null };
  }

  #settle(queues: readonly PartitionQueue[], answers: readonly ProducedPartition[]): void {
    const results = queues.map((queue) => {
      const answer = answers.find(
        ({ topic, partition }) => topic === queue.topic && partition === queue.partition,
      );
      const errorCode = this.#acknowledge(queue, answer);
      return { queue, errorCode, detail: answer?.errorMessage };
    });
    const failed = worstError(results);
    if (failed === undefined) return;
    const { queue, errorCode, detail } = failed;
    const moved = results.filter((each) => reactionTo(each.errorCode).startsWith('find-'));
    this.#options.client.cluster.forgetLeaders(moved.map((each) => each.queue));
    const [plan] = queue.plans;
    if (reactionTo(errorCode) === 'too-large' && plan !== undefined) {
      throw recordTooLarge(queue.topic, plan, 'raise max.message.bytes of the topic');
    }
    throw brokerError(errorCode, `produce to ${queue.topic}-${queue.partition}`, detail);
  }

  /** @returns the error that is left: a batch that was too large has been cut and may be sent again. */
  #acknowledge(queue: PartitionQueue, answer: ProducedPartition | undefined): number {
    const [plan] = queue.plans;
    if (plan === undefined) return brokerErrorCode.none;
    if (answer === undefined) {
      throw new RollguardError(
        'OUTCOME_UNKNOWN',
        `produce to ${queue.topic}-${queue.partition}: the answer does not name the partition`,
      );
    }
    if (answer.errorCode === brokerErrorCode.none) {
      const name = `${queue.topic}-${queue.partition}`;
      const sequence = (this.#sequences.get(name) ?? 0) + plan.run.count;
      this.#sequences.set(name, sequence % sequenceLimit);
      queue.baseOffset ??= answer.baseOffset;
      queue.appendedAtMs = answer.appendedAtMs;
      queue.plans.shift();
      return brokerErrorCode.none;
    }
    if (reactionTo(answer.errorCode) !== 'too-large' || plan.run.count === 1) {
      return answer.errorCode;
    }
    this.#cut(queue, plan);
    return brokerErrorCode.none;
  }

  /** Halves a refused batch, and remembers for the topic that so much is too much. */
  #cut(queue: PartitionQueue, refused: BatchPlan): void {
    const bytesMax = Math.ceil(refused.bytes / 2);
    this.#batchBytesMax.set(queue.topic, bytesMax);
    const rest = new PackedRecords(bytesMax);
    for (const { run } of queue.plans) for (const record of recordsOf(run)) rest.append(record);
    queue.plans.splice(0, queue.plans.length, ...this.#plan(rest, bytesMax));
  }

  #plan(records: ProduceRecords, bytesMax: number): BatchPlan[] {
    const { compressionType } = this.#options;
    const plans = planBatches(records, bytesMax);
    if (compressionType === 'none') return plans;
    return plans.map((plan) => compressBatch(plan, compressionType));
  }
}

function nameOf({ transactionalId, producerId }: BatchOwner): string {
  return transactionalId === null
    ? `producer ${producerId}: produce`
    : `transaction of ${transactionalId}: produce`;
}

function isWaiting(queue: PartitionQueue): boolean {
  return queue.plans.length > 0;
}

/** A request takes one batch of a partition; a second queue of the same one waits its turn. */
function firstOfEachPartition(queues: readonly PartitionQueue[]): readonly PartitionQueue[] {
  const first = new Map<string, PartitionQueue>();
  for (const queue of queues) {
    const name = `${queue.topic}-${queue.partition}`;
    if (!first.has(name)) first.set(name, queue);
  }
  return [...first.values()];
}

function withinRequestSize(queues: readonly PartitionQueue[]): readonly PartitionQueue[][] {
  const groups: PartitionQueue[][] = [];
  let bytes = Infinity;
  for (const queue of queues) {
    const next = queue.plans[0]?.bytes ?? 0;
    if (bytes + next > requestBytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(queue);
    bytes += next;
  }
  return groups;
}

function isRetriable(error: unknown): boolean {
  return isRollguardError(error, 'KAFKA_RETRIABLE');
}

function recordTooLarge(topic: string, plan: BatchPlan, remedy: string): RollguardError {
  return new RollguardError(
    'RECORD_TOO_LARGE',
    `topic ${topic}: a record of ${plan.bytes} bytes with its batch header is too large; ${remedy}`,
    { context: { topic, bytes: plan.bytes } },
  );
}
