/**
 * Transactional ids, their producers and open transactions, as the broker's transaction coordinator
 * (transaction version 1) has them: initialising an id fences its previous owner; a transaction that
 * outlives its time-out is aborted and its producer has to recover.
 *
 * Fault: `losesMarkers` ends transactions for the coordinator only.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { PartitionOffset, TransactionEnd } from '../../streams/kafka/port.ts';
import type { LogTransaction, PartitionLog } from './partition-log.ts';

/** What a producer presents with every request. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly epoch: number;
  /** How the transaction before ended; undefined: there was none. */
  readonly lastEnd?: TransactionEnd | undefined;
}

export interface OpenTransaction extends LogTransaction {
  readonly openedAtMs: number;
  readonly partitions: Set<PartitionLog>;
  /** Offsets by group, visible once the transaction commits. */
  readonly offsets: Map<string, PartitionOffset[]>;
}

interface ProducerState {
  producerId: number;
  epoch: number;
  timeoutMs: number;
  transaction: OpenTransaction | undefined;
  /** The coordinator aborted a transaction of this epoch: only recovering helps. */
  timedOut: boolean;
  /** How the last transaction ended. */
  lastEnd: TransactionEnd | undefined;
  /** Ended, but open in the logs. */
  unmarked: OpenTransaction[];
}

/** Called with the offsets of a transaction that ended. */
type OffsetsEnded = (transaction: OpenTransaction, committed: boolean) => void;

export class TransactionCoordinator {
  readonly #clock: Clock;
  readonly #ended: OffsetsEnded;
  readonly #producers = new Map<string, ProducerState>();
  /** False: taking an id over leaves its previous owner as it is; for seeing that this is noticed. */
  isFencing = true;
  /** True: no partition gets the end marker of a transaction that ends. */
  losesMarkers = false;
  #nextProducerId = 1;

  constructor(clock: Clock, ended: OffsetsEnded) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** InitProducerId with −1/−1: takes the id from whoever has it. */
  take(transactionalId: string, timeoutMs: number): ProducerIdentity {
    const state = this.#producers.get(transactionalId);
    if (state === undefined) {
      const producerId = this.#nextProducerId;
      this.#nextProducerId += 1;
      this.#producers.set(transactionalId, {
        ...{ producerId, epoch: 0, timeoutMs, transaction: undefined, timedOut: false },
        ...{ lastEnd: undefined, unmarked: [] },
      });
      return { transactionalId, producerId, epoch: 0 };
    }
    if (!this.isFencing) {
      return { transactionalId, producerId: state.producerId, epoch: state.epoch };
    }
    return this.#bump(transactionalId, state, timeoutMs);
  }

  /** InitProducerId with the own id and epoch: refused once there is a successor. */
  recover(identity: ProducerIdentity): ProducerIdentity {
    const state = this.#producers.get(identity.transactionalId);
    if (state?.producerId !== identity.producerId || !isCurrent(state, identity)) {
      throw fenced(identity.transactionalId);
    }
    return this.#bump(identity.transactionalId, state, state.timeoutMs);
  }

  /** The producer's open transaction, opened if there is none. */
  open(identity: ProducerIdentity): OpenTransaction {
    const state = this.#stateOf(identity);
    state.transaction ??= {
      state: 'open',
      openedAtMs: this.#clock.nowMs(),
      partitions: new Set(),
      offsets: new Map(),
    };
    return state.transaction;
  }

  end(identity: ProducerIdentity, commit: boolean): void {
    const state = this.#stateOf(identity);
    if (state.transaction !== undefined) this.#end(state, commit);
  }

  /**
   * Ends what never got its markers, as a transaction without records over the same partitions does.
   * @returns the logs that get one.
   */
  mark(identity: ProducerIdentity, end: TransactionEnd): ReadonlySet<PartitionLog> {
    const state = this.#stateOf(identity);
    state.lastEnd = end;
    const marked = state.unmarked.splice(0);
    for (const transaction of marked) this.#mark(transaction, end);
    return new Set(marked.flatMap(({ partitions }) => [...partitions]));
  }

  /** The epoch a transactional id is at; undefined: nobody ever had it. */
  epochOf(transactionalId: string): number | undefined {
    return this.#producers.get(transactionalId)?.epoch;
  }

  /** Aborts what outlived its time-out; asked before every request. */
  expire(): void {
    for (const state of this.#producers.values()) {
      if (state.transaction === undefined) continue;
      if (this.#clock.nowMs() - state.transaction.openedAtMs <= state.timeoutMs) continue;
      this.#end(state, false);
      state.epoch += 1;
      state.timedOut = true;
    }
  }

  #bump(transactionalId: string, state: ProducerState, timeoutMs: number): ProducerIdentity {
    if (state.transaction !== undefined) this.#end(state, false);
    state.epoch += 1;
    state.timeoutMs = timeoutMs;
    state.timedOut = false;
    const { producerId, epoch, lastEnd } = state;
    return { transactionalId, producerId, epoch, lastEnd };
  }

  #stateOf(identity: ProducerIdentity): ProducerState {
    const state = this.#producers.get(identity.transactionalId);
    if (state?.producerId !== identity.producerId || state.epoch !== identity.epoch) {
      throw fenced(identity.transactionalId);
    }
    return state;
  }

  #end(state: ProducerState, commit: boolean): void {
    const { transaction } = state;
    if (transaction === undefined) return;
    state.transaction = undefined;
    state.lastEnd = commit ? 'commit' : 'abort';
    if (this.losesMarkers) state.unmarked.push(transaction);
    else this.#mark(transaction, state.lastEnd);
  }

  #mark(transaction: OpenTransaction, end: TransactionEnd): void {
    transaction.state = end === 'commit' ? 'committed' : 'aborted';
    for (const log of transaction.partitions) log.end(transaction);
    this.#ended(transaction, end === 'commit');
  }
}

/** The epoch that a time-out raised is still its owner's to recover from. */
function isCurrent(state: ProducerState, { epoch }: ProducerIdentity): boolean {
  return state.epoch === epoch || (state.timedOut && state.epoch === epoch + 1);
}

function fenced(transactionalId: string): RollguardError {
  return new RollguardError(
    'PRODUCER_FENCED',
    `transactional id ${transactionalId} has a newer owner`,
  );
}
