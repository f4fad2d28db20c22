/**
 * Transactional ids, their producers and open transactions, as the broker's transaction coordinator
 * (transaction version 1) has them: initialising an id fences its previous owner; a transaction that
 * outlives its time-out is aborted and its producer has to recover.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { PartitionOffset } from '../../streams/kafka/port.ts';
import type { LogTransaction, PartitionLog } from './partition-log.ts';

/** What a producer presents with every request. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly epoch: number;
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
}

/** Called with the offsets of a transaction that ended. */
type OffsetsEnded = (transaction: OpenTransaction, committed: boolean) => void;

export class TransactionCoordinator {
  readonly #clock: Clock;
  readonly #ended: OffsetsEnded;
  readonly #producers = new Map<string, ProducerState>();
  /** False: taking an id over leaves its previous owner as it is; for seeing that this is noticed. */
  isFencing = true;
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
      const fresh = { producerId, epoch: 0, timeoutMs, transaction: undefined, timedOut: false };
      this.#producers.set(transactionalId, fresh);
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
    return { transactionalId, producerId: state.producerId, epoch: state.epoch };
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
    transaction.state = commit ? 'committed' : 'aborted';
    for (const log of transaction.partitions) log.end(transaction);
    this.#ended(transaction, commit);
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
