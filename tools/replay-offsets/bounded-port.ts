/**
 * Kafka as it was: of some partitions nothing is read from an offset on. A replay ends where the
 * application stood, while the platform goes on writing.
 */
import { forwardedAdmin } from '../../streams/kafka/forwarded-admin.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type {
  FetchedPartition,
  KafkaAdmin,
  KafkaPort,
  PartitionOffset,
  PartitionReader,
  TopicPartition,
} from '../../streams/kafka/port.ts';

/** @param bounds by `topic-partition`; whatever has none is read to its end. */
export function boundedPort(port: KafkaPort, bounds: ReadonlyMap<string, number>): KafkaPort {
  return {
    admin: boundedAdmin(port.admin, bounds),
    openReader: () => new BoundedReader(port.openReader(), bounds),
    openProducer: (options) => port.openProducer(options),
    openPlainProducer: () => port.openPlainProducer(),
    openMember: (options) => port.openMember(options),
    close: () => port.close(),
  };
}

/** Ends, too, are those of then. */
function boundedAdmin(admin: KafkaAdmin, bounds: ReadonlyMap<string, number>): KafkaAdmin {
  return forwardedAdmin(admin, {
    listOffsets: async (partitions, which) => {
      const offsets = await admin.listOffsets(partitions, which);
      if (which !== 'latest' && which !== 'stable') return offsets;
      return offsets.map((each) => ({
        ...each,
        offset: Math.min(each.offset, bounds.get(partitionName(each)) ?? Infinity),
      }));
    },
  });
}

class BoundedReader implements PartitionReader {
  readonly #reader: PartitionReader;
  readonly #bounds: ReadonlyMap<string, number>;
  /** Partitions that are read up to their bound. */
  readonly #ended = new Set<string>();
  /** Those of which it is to be said that there is nothing. */
  #untold: TopicPartition[] = [];

  constructor(reader: PartitionReader, bounds: ReadonlyMap<string, number>) {
    this.#reader = reader;
    this.#bounds = bounds;
  }

  assign(positions: readonly PartitionOffset[]): void {
    this.#reader.assign(positions);
    for (const position of positions) {
      const bound = this.#bounds.get(partitionName(position));
      if (bound === undefined || position.offset < bound)
        this.#ended.delete(partitionName(position));
      else this.#end(position);
    }
  }

  unassign(partitions: readonly TopicPartition[]): void {
    this.#reader.unassign(partitions);
    const names = new Set(partitions.map(partitionName));
    for (const name of names) this.#ended.delete(name);
    this.#untold = this.#untold.filter((each) => !names.has(partitionName(each)));
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#reader.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#reader.resume(partitions.filter((each) => !this.#ended.has(partitionName(each))));
  }

  async poll(maxWaitMs: number): Promise<readonly FetchedPartition[]> {
    const fetched = await this.#reader.poll(this.#untold.length > 0 ? 0 : maxWaitMs);
    const bounded = fetched
      .filter((each) => !this.#ended.has(partitionName(each)))
      .map((each) => this.#cut(each));
    const nothing = this.#untold.map((each) => this.#nothingOf(each));
    this.#untold = [];
    return [...bounded, ...nothing];
  }

  wakeUp(): void {
    this.#reader.wakeUp();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #cut(fetched: FetchedPartition): FetchedPartition {
    const bound = this.#bounds.get(partitionName(fetched));
    if (bound === undefined || fetched.error !== undefined) return fetched;
    const { topic, partition, records, nextOffset, logStartOffset } = fetched;
    const isEnd = nextOffset >= bound;
    if (isEnd) this.#stop({ topic, partition });
    return {
      ...{ topic, partition, logStartOffset },
      records: isEnd ? [...records].filter(({ offset }) => offset < bound) : records,
      nextOffset: Math.min(nextOffset, bound),
      highWatermark: Math.min(fetched.highWatermark, bound),
      lastStableOffset: Math.min(fetched.lastStableOffset, bound),
    };
  }

  #end({ topic, partition }: TopicPartition): void {
    this.#stop({ topic, partition });
    this.#untold.push({ topic, partition });
  }

  #stop(partition: TopicPartition): void {
    this.#ended.add(partitionName(partition));
    this.#reader.pause([partition]);
  }

  /** Who reads has to hear that there is nothing, or waits for it. */
  #nothingOf({ topic, partition }: TopicPartition): FetchedPartition {
    const end = this.#bounds.get(partitionName({ topic, partition })) ?? 0;
    return {
      ...{ topic, partition, records: [], nextOffset: end },
      ...{ highWatermark: end, lastStableOffset: end, logStartOffset: 0 },
    };
  }
}
