/**
 * The transactional producer: which request may follow which.
 *
 *   idle ──addPartitions, produce, sendOffsets──▶ open ──commit, abort──▶ idle
 *   open ──a produce that failed half-way──▶ must-abort ──abort──▶ idle
 *   any ──OUTCOME_UNKNOWN──▶ unknown, any ──PRODUCER_FENCED──▶ fenced: only recover() leads back to idle
 *
 * Between two transactions the broker may have restarted and have lost the end markers of the first (ADR 0003):
 * then that is ended once more before the second begins, whose end would count for both.
 *
 * `transaction-requests.ts` and `batch-sender.ts` send; this file never retries.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { BatchSender } from './batch-sender.ts';
import type {
  ProduceBatch,
  ProducedBatch,
  RepeatedEnd,
  TopicPartition,
  TransactionEnd,
  GroupOffsets,
  TransactionalProducer,
  WrittenTo,
} from './port.ts';
import type { TransactionOwner } from './protocol/transaction-messages.ts';
import { ownerOf, type FirstRequest, type TransactionRequests } from './transaction-requests.ts';

/** The transaction before. */
interface Ended {
  readonly end: TransactionEnd;
  readonly partitions: readonly TopicPartition[];
  readonly groups: readonly string[];
  readonly lostConnections: number;
}

type State = 'idle' | 'open' | 'must-abort' | 'unknown' | 'fenced' | 'closed';

export interface TransactionalProducerOptions {
  readonly owner: TransactionOwner;
  readonly requests: TransactionRequests;
  readonly sender: BatchSender;
}

export class KafkaTransactionalProducer implements TransactionalProducer {
  readonly #requests: TransactionRequests;
  readonly #sender: BatchSender;
  #owner: TransactionOwner;
  #state: State = 'idle';
  /** What brought the producer into a state that it does not leave by itself. */
  #failure: RollguardError | undefined;
  /** Of this epoch. */
  #ended: Ended | undefined;
  readonly #partitions = new Map<string, TopicPartition>();
  readonly #groups = new Set<string>();

  constructor(options: TransactionalProducerOptions) {
    this.#owner = options.owner;
    this.#requests = options.requests;
    this.#sender = options.sender;
  }

  get transactionalId(): string {
    return this.#owner.transactionalId;
  }

  get producerEpoch(): number {
    return this.#owner.producerEpoch;
  }

  async addPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    this.#checkUsable('addPartitions');
    const fresh = new Map<string, TopicPartition>();
    for (const each of partitions) fresh.set(`${each.topic}-${each.partition}`, each);
    for (const name of this.#partitions.keys()) fresh.delete(name);
    if (fresh.size === 0) return;
    const first = await this.#begin();
    await this.#guard(() => this.#requests.addPartitions(this.#owner, [...fresh.values()], first));
    this.#state = 'open';
    for (const [name, partition] of fresh) this.#partitions.set(name, partition);
  }

  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    this.#checkUsable('produce');
    await this.addPartitions(batches.filter(({ records }) => records.length > 0));
    try {
      return await this.#guard(() => this.#sender.send(this.#owner, batches));
    } catch (error) {
      // Some batches may be in the log: committing now would commit a part.
      if (this.#state === 'open' && isRollguardError(error)) this.#enter('must-abort', error);
      throw error;
    }
  }

  async sendOffsets(offsets: GroupOffsets): Promise<void> {
    this.#checkUsable('sendOffsets');
    if (offsets.offsets.length === 0) return;
    await this.#addGroup(offsets.groupId);
    await this.#guard(() => this.#requests.commitOffsets(this.#owner, offsets));
  }

  async commit(): Promise<void> {
    this.#checkUsable('commit');
    if (this.#state === 'open') await this.#end('commit');
  }

  async abort(): Promise<void> {
    if (this.#state !== 'must-abort') this.#checkUsable('abort');
    if (this.#state !== 'idle') await this.#end('abort');
  }

  async recover(): Promise<void> {
    this.#checkNotClosed('recover');
    const { transactionalId } = this.#owner;
    const identity = await this.#guard(() => this.#requests.initProducerId(this.#owner));
    this.#owner = ownerOf(transactionalId, identity);
    this.#ended = undefined;
    this.#sender.resetSequences();
    this.#becomeIdle();
  }

  async repeatEnd({ partitions, groupId }: WrittenTo): Promise<RepeatedEnd | undefined> {
    this.#checkUsable('repeatEnd');
    const end = this.#requests.lastEnd;
    if (end === undefined) return undefined;
    return { end, partitions: await this.#endAgain({ end, partitions, groups: [groupId] }) };
  }

  /** Ends nothing: the coordinator aborts what is open when the id is taken over or times out. */
  close(): Promise<void> {
    this.#state = 'closed';
    return Promise.resolve();
  }

  /** @returns what the first request of a transaction has to go along with. */
  async #begin(): Promise<FirstRequest | undefined> {
    if (this.#state !== 'idle') return undefined;
    const before = this.#ended;
    if (before !== undefined && before.lostConnections !== this.#requests.lostConnections) {
      await this.recover();
      await this.#endAgain(before);
    }
    return this.#ended;
  }

  /** @returns the partitions in which it was still open. */
  async #endAgain(last: Omit<Ended, 'lostConnections'>): Promise<readonly TopicPartition[]> {
    const partitions = await this.#requests.openPartitions(this.#owner, last.partitions);
    await this.addPartitions(partitions);
    for (const groupId of last.groups) await this.#addGroup(groupId);
    if (this.#state === 'open') await this.#end(last.end);
    this.#requests.forgetLastEnd();
    return partitions;
  }

  async #addGroup(groupId: string): Promise<void> {
    if (this.#groups.has(groupId)) return;
    const first = await this.#begin();
    await this.#guard(() => this.#requests.addOffsets(this.#owner, groupId, first));
    this.#state = 'open';
    this.#groups.add(groupId);
  }

  async #end(end: TransactionEnd): Promise<void> {
    const { lostConnections } = this.#requests;
    await this.#guard(() => this.#requests.end(this.#owner, end === 'commit'));
    const [partitions, groups] = [[...this.#partitions.values()], [...this.#groups]];
    this.#ended = { end, partitions, groups, lostConnections };
    this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.#failure = undefined;
    this.#partitions.clear();
    this.#groups.clear();
  }

  #enter(state: State, failure: RollguardError): void {
    this.#state = state;
    this.#failure = failure;
  }

  /** Keeps in mind what an error means for the calls that follow. */
  async #guard<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (isRollguardError(error, 'OUTCOME_UNKNOWN')) this.#enter('unknown', error);
      if (isRollguardError(error, 'PRODUCER_FENCED')) this.#enter('fenced', error);
      if (isRollguardError(error, 'TRANSACTION_ABORTED')) this.#enter('must-abort', error);
      throw error;
    }
  }

  #checkUsable(call: string): void {
    this.#checkNotClosed(call);
    if (this.#failure === undefined) return;
    const code = this.#state === 'must-abort' ? 'TRANSACTION_ABORTED' : this.#failure.code;
    const remedy = this.#state === 'must-abort' ? 'abort() first' : 'only recover() may follow';
    throw new RollguardError(code, `${this.transactionalId}: ${call} refused, ${remedy}`, {
      cause: this.#failure,
    });
  }

  #checkNotClosed(call: string): void {
    if (this.#state !== 'closed') return;
    throw new RollguardError('ILLEGAL_STATE', `${this.transactionalId}: ${call} after close()`);
  }
}
