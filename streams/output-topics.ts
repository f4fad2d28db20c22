/**
 * What a task has to know about the topics it writes: how many partitions, and how large a record may
 * be. Sizes are checked where a record is made, so that the input it follows from can be named.
 */
import { RollguardError, isRollguardError } from '../kernel/errors.ts';

export interface OutputTopic {
  readonly partitionCount: number;
  /** The topic's `max.message.bytes`. */
  readonly messageBytesMax: number;
}

/** Kafka's default of `max.message.bytes`: 1 MiB and a batch header. */
export const messageBytesMaxDefault = 1_048_588;

// The batch header and the record's own lengths; key, value and headers come on top.
const overheadBytes = 128;

export class OutputTopics {
  readonly #topics: ReadonlyMap<string, OutputTopic>;
  /** What the broker refused, where that is less than the topic's setting said at the start. */
  readonly #refusedBytes = new Map<string, number>();

  constructor(topics: ReadonlyMap<string, OutputTopic>) {
    this.#topics = topics;
  }

  /** Undefined: no such topic. */
  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.partitionCount;
  }

  /** Bytes of key, value and headers that one record of the topic may have. */
  recordBytesMax(topic: string): number {
    const setting = this.#topics.get(topic)?.messageBytesMax ?? messageBytesMaxDefault;
    const refused = this.#refusedBytes.get(topic) ?? Infinity;
    return Math.min(setting, refused) - overheadBytes;
  }

  /** A record that the broker refuses is refused by us when its transaction is done again. */
  async learning(committing: Promise<void>): Promise<void> {
    try {
      await committing;
    } catch (error) {
      if (isRollguardError(error, 'RECORD_TOO_LARGE')) {
        const { topic, bytes } = error.context;
        this.refused(String(topic), Number(bytes));
      }
      throw error;
    }
  }

  /** The broker refused a batch of one record of so many bytes, all included. */
  refused(topic: string, bytes: number): void {
    this.#refusedBytes.set(topic, Math.min(bytes, this.#refusedBytes.get(topic) ?? Infinity));
  }

  /** @throws RECORD_TOO_LARGE naming the topic and the remedy. */
  checkSize(topic: string, bytes: number): void {
    const bytesMax = this.recordBytesMax(topic);
    if (bytes <= bytesMax) return;
    throw new RollguardError(
      'RECORD_TOO_LARGE',
      `a record of ${bytes} bytes for topic ${topic}, which takes ${bytesMax}; raise the topic's max.message.bytes`,
      { context: { topic, bytes, bytesMax } },
    );
  }
}
