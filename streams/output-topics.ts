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

/** What is known of one topic; kept up while it is held. */
export interface KnownTopic {
  readonly name: string;
  /** Undefined: no such topic. */
  readonly partitionCount: number | undefined;
  /**
   * Bytes of key, value and headers that one record may have: what the topic's setting said at the start,
   * or less if the broker has refused that since.
   */
  readonly recordBytesMax: number;
}

// The batch header and the record's own lengths; key, value and headers come on top.
const overheadBytes = 128;

export class OutputTopics {
  readonly #topics = new Map<
    string,
    { -readonly [Field in keyof KnownTopic]: KnownTopic[Field] }
  >();

  constructor(topics: ReadonlyMap<string, OutputTopic>) {
    for (const [name, { partitionCount, messageBytesMax }] of topics) {
      const recordBytesMax = messageBytesMax - overheadBytes;
      this.#topics.set(name, { name, partitionCount, recordBytesMax });
    }
  }

  find(name: string): KnownTopic {
    return this.#find(name);
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
  refused(name: string, bytes: number): void {
    const topic = this.#find(name);
    topic.recordBytesMax = Math.min(bytes - overheadBytes, topic.recordBytesMax);
  }

  #find(name: string) {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const recordBytesMax = messageBytesMaxDefault - overheadBytes;
      topic = { name, partitionCount: undefined, recordBytesMax };
      this.#topics.set(name, topic);
    }
    return topic;
  }
}

/** @throws RECORD_TOO_LARGE naming the topic and the remedy. */
export function checkRecordSize({ name, recordBytesMax }: KnownTopic, bytes: number): void {
  if (bytes <= recordBytesMax) return;
  throw new RollguardError(
    'RECORD_TOO_LARGE',
    `a record of ${bytes} bytes for topic ${name}, which takes ${recordBytesMax}; raise the topic's max.message.bytes`,
    { context: { topic: name, bytes, bytesMax: recordBytesMax } },
  );
}
