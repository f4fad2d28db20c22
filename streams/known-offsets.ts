/**
 * How far the group's offsets are known to be, by this instance's own commits and by what it was told. Offsets
 * only go forward while an instance is a member, but after a crash Kafka 4.3.1 answers for a moment with those of
 * long ago: its group coordinator serves before it has read its log to the end (it says so itself when it writes
 * next: "is out of sync with the underlying log"). Whoever began there would process again what its state has.
 */
import { RollguardError } from '../kernel/errors.ts';
import { partitionName } from './kafka/partition-name.ts';
import type { PartitionOffset, TopicPartition } from './kafka/port.ts';

export class KnownOffsets {
  readonly #offsets = new Map<string, number>();

  /** The group has these, or later ones. */
  reached(offsets: readonly PartitionOffset[]): void {
    for (const each of offsets) {
      const name = partitionName(each);
      this.#offsets.set(name, Math.max(each.offset, this.#offsets.get(name) ?? 0));
    }
  }

  /**
   * @param answered of the partitions that were asked for; those without an offset are left out.
   * @throws KAFKA_UNAVAILABLE for an answer of before: it has to be asked for again.
   */
  check(asked: readonly TopicPartition[], answered: readonly PartitionOffset[]): void {
    const found = new Map(answered.map((each) => [partitionName(each), each.offset]));
    for (const partition of asked) {
      const name = partitionName(partition);
      const [offset, known] = [found.get(name) ?? 0, this.#offsets.get(name) ?? 0];
      if (offset >= known) continue;
      throw new RollguardError(
        'KAFKA_UNAVAILABLE',
        `the group coordinator answers ${offset} for ${name}, where ${known} is committed: it has not read its ` +
          'log to the end (if somebody has set the offset back: restart this instance)',
        { context: { partition: name, answered: offset, committed: known } },
      );
    }
    this.reached(answered);
  }
}
