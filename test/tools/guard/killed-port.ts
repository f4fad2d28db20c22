import { forwardedAdmin } from '../../../streams/kafka/forwarded-admin.ts';
import type {
  GroupMember,
  KafkaAdmin,
  KafkaPort,
  TransactionalProducer,
} from '../../../streams/kafka/port.ts';

/**
 * The port of a process that is killed at its n-th write, before it is carried out or right after: from
 * then on nothing it asks for happens any more.
 */
export class KilledPort {
  readonly port: KafkaPort;
  readonly #at: { readonly write: number; readonly when: 'before' | 'after' };
  #writes = 0;
  #isKilled = false;

  constructor(port: KafkaPort, at: { readonly write: number; readonly when: 'before' | 'after' }) {
    this.#at = at;
    this.port = {
      admin: this.#admin(port.admin),
      openReader: () => port.openReader(),
      openProducer: (options) =>
        this.#write(async () => this.#producer(await port.openProducer(options))),
      openPlainProducer: () => port.openPlainProducer(),
      openMember: (options) => this.#member(port.openMember(options)),
      close: () => port.close(),
    };
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  async #write<T>(execute: () => Promise<T>): Promise<T> {
    if (this.#isKilled) throw new Error('killed');
    this.#writes += 1;
    const isHere = this.#writes === this.#at.write;
    if (isHere && this.#at.when === 'before') this.#kill();
    const answer = await execute();
    if (isHere) this.#kill();
    return answer;
  }

  #kill(): never {
    this.#isKilled = true;
    throw new Error('killed');
  }

  #admin(admin: KafkaAdmin): KafkaAdmin {
    return forwardedAdmin(admin, {
      createTopics: (topics) => this.#write(() => admin.createTopics(topics)),
      deleteTopics: (names) => this.#write(() => admin.deleteTopics(names)),
    });
  }

  #producer(producer: TransactionalProducer): TransactionalProducer {
    return {
      transactionalId: producer.transactionalId,
      producerEpoch: producer.producerEpoch,
      addPartitions: (partitions) => this.#write(() => producer.addPartitions(partitions)),
      produce: (batches) => this.#write(() => producer.produce(batches)),
      sendOffsets: (offsets) => this.#write(() => producer.sendOffsets(offsets)),
      commit: () => this.#write(() => producer.commit()),
      abort: () => this.#write(() => producer.abort()),
      recover: () => this.#write(() => producer.recover()),
      repeatEnd: (last) => this.#write(() => producer.repeatEnd(last)),
      close: () => Promise.resolve(),
    };
  }

  #member(member: GroupMember): GroupMember {
    return {
      join: () => this.#write(() => member.join()),
      heartbeat: () => member.heartbeat(),
      committedOffsets: (partitions) => member.committedOffsets(partitions),
      leave: () => (this.#isKilled ? Promise.resolve() : member.leave()),
    };
  }
}
