/**
 * What an instance may not ask of Kafka, whatever comes of it: after a request without an answer the
 * transactional id is recovered under its own epoch, never taken; a zombie would fence its successor.
 */
import { isRollguardError } from '../../kernel/errors.ts';
import type {
  GroupMember,
  GroupOptions,
  KafkaPort,
  ProducerOptions,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** What a process has heard. */
interface Memory {
  /** By transactional id: the confirmations so far when a request was sent whose outcome is unknown. */
  readonly unknown: Map<string, number>;
  /** How often the group has said that the process is a member. */
  confirmations: number;
}

export class Owners {
  readonly #owners = new Map<string, SimulatedProcess>();
  readonly #violation: (text: string) => void;

  constructor(violation: (text: string) => void) {
    this.#violation = violation;
  }

  port(port: KafkaPort, process: SimulatedProcess): KafkaPort {
    const memory: Memory = { unknown: new Map(), confirmations: 0 };
    const confirmed = (): void => {
      memory.confirmations += 1;
    };
    return {
      admin: port.admin,
      openReader: () => port.openReader(),
      openPlainProducer: () => port.openPlainProducer(),
      close: () => port.close(),
      openMember: (options) => observedMember(port, options, confirmed),
      openProducer: async (options) => {
        const producer = await this.#take(port, options, { process, memory });
        return observedProducer(producer, memory);
      },
    };
  }

  async #take(
    port: KafkaPort,
    options: ProducerOptions,
    { process, memory }: { process: SimulatedProcess; memory: Memory },
  ): Promise<TransactionalProducer> {
    const id = options.transactionalId;
    const owner = this.#owners.get(id);
    const isUnconfirmed = memory.unknown.get(id) === memory.confirmations;
    if (isUnconfirmed && owner !== undefined && owner !== process && !owner.isDead) {
      this.#violation(`fencing: ${id} was taken from its owner after an unknown outcome`);
    }
    const producer = await port.openProducer(options);
    this.#owners.set(id, process);
    memory.unknown.delete(id);
    return producer;
  }
}

function observedMember(
  port: KafkaPort,
  options: GroupOptions,
  confirmed: () => void,
): GroupMember {
  const member = port.openMember(options);
  return {
    join: async () => {
      const assignment = await member.join();
      confirmed();
      return assignment;
    },
    heartbeat: async () => {
      const status = await member.heartbeat();
      confirmed();
      return status;
    },
    committedOffsets: (partitions) => member.committedOffsets(partitions),
    leave: (leaving) => member.leave(leaving),
  };
}

function observedProducer(producer: TransactionalProducer, memory: Memory): TransactionalProducer {
  const { transactionalId } = producer;
  const noting = async <T>(asked: Promise<T>): Promise<T> => {
    const confirmations = memory.confirmations;
    try {
      return await asked;
    } catch (error) {
      if (isRollguardError(error, 'OUTCOME_UNKNOWN')) {
        memory.unknown.set(transactionalId, confirmations);
      }
      throw error;
    }
  };
  return {
    transactionalId,
    get producerEpoch() {
      return producer.producerEpoch;
    },
    addPartitions: (partitions) => noting(producer.addPartitions(partitions)),
    produce: (batches) => noting(producer.produce(batches)),
    sendOffsets: (offsets) => noting(producer.sendOffsets(offsets)),
    commit: () => noting(producer.commit()),
    abort: () => noting(producer.abort()),
    recover: async () => {
      try {
        await producer.recover();
        memory.unknown.delete(transactionalId);
      } catch (error) {
        if (isRollguardError(error, 'PRODUCER_FENCED')) memory.unknown.delete(transactionalId);
        throw error;
      }
    },
    repeatEnd: (last) => producer.repeatEnd(last),
    close: () => producer.close(),
  };
}
