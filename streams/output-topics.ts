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

interface KnownTopic {
  readonly partitionCount: number | undefined;
  /** What the topic's setting said at the start, or less if the broker has refused that since. */
  readonly recordBytesMax: number;
}

// The batch header and the record's own lengths; key, value and headers come on top.
const overheadBytes = 128;

export class OutputTopics {
  readonly #topics = new Map<string, KnownTopic>();

  constructor(topics: ReadonlyMap<string, OutputTopic>) {
    for (const [topic, { partitionCount, messageBytesMax }] of topics) {
      const recordBytesMax = messageBytesMax - overheadBytes;
      this.#topics.set(topic, { partitionCount, recordBytesMax });
    }
  }

  /** Undefined: no such topic. */
  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.partitionCount;
  }

  /** Bytes of key, value and headers that one record of the topic may have. */
  recordBytesMax(topic: string): number {
    return this.#topics.get(topic)?.recordBytesMax ?? messageBytesMaxDefault - overheadBytes;
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
    const recordBytesMax = Math.min(bytes - overheadBytes, this.recordBytesMax(topic));
    this.#topics.set(topic, { partitionCount: this.partitionCount(topic), recordBytesMax });
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
