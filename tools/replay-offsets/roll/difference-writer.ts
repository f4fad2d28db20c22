/** Writes the events of a replay's differences, a few thousand to a transaction, each with the replay's id. */
import type { Clock } from '../../../kernel/clock.ts';
import type { ProduceRecord, TransactionalProducer } from '../../../streams/kafka/port.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import { replayDifferenceHeaders } from '../../../topology/roll/replay-header.ts';

const recordsMax = 2_000;

export interface DifferenceWriterOptions {
  readonly producer: TransactionalProducer;
  readonly eventsTopic: string;
  readonly codec: { readonly encode: (change: RollChange) => Buffer };
  readonly replayId: string;
  readonly clock: Clock;
}

export class DifferenceWriter {
  readonly #options: DifferenceWriterOptions;
  readonly #batches = new Map<number, ProduceRecord[]>();
  #waiting = 0;
  #count = 0;

  constructor(options: DifferenceWriterOptions) {
    this.#options = options;
  }

  /** Written, or waiting to be. */
  get count(): number {
    return this.#count;
  }

  async write(partition: number, key: string, change: RollChange): Promise<void> {
    const { codec, clock, replayId } = this.#options;
    const records = this.#batches.get(partition) ?? [];
    this.#batches.set(partition, records);
    records.push({
      ...{ key: Buffer.from(key, 'utf8'), value: codec.encode(change), timestampMs: clock.nowMs() },
      headers: replayDifferenceHeaders(replayId),
    });
    this.#count += 1;
    this.#waiting += 1;
    if (this.#waiting >= recordsMax) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waiting === 0) return;
    const { producer, eventsTopic: topic } = this.#options;
    const batches = [...this.#batches].map(([partition, records]) => ({
      ...{ topic, partition, records },
    }));
    await producer.produce(batches);
    await producer.commit();
    this.#batches.clear();
    this.#waiting = 0;
  }
}
