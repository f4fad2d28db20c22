/** Where partitions end, once no transaction is open in them. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { KafkaPort, TopicPartition } from '../../streams/kafka/port.ts';

// Markers of a fenced owner's transaction come at once; whatever takes longer hangs.
const settleMaxMs = 60_000;
const pollMs = 200;

/** By `topic-partition`. @throws NOT_READY when a transaction stays open. */
export async function settledEnds(
  port: KafkaPort,
  partitions: readonly TopicPartition[],
  clock: Clock,
): Promise<ReadonlyMap<string, number>> {
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const latest = await port.admin.listOffsets(partitions, 'latest');
    const stable = await port.admin.listOffsets(partitions, 'stable');
    const stableAt = new Map(stable.map((each) => [partitionName(each), each.offset]));
    const open = latest.find((each) => (stableAt.get(partitionName(each)) ?? 0) < each.offset);
    if (open === undefined) {
      return new Map(latest.map((each) => [partitionName(each), each.offset]));
    }
    if (clock.monotonicMs() - sinceMs > settleMaxMs) {
      throw new RollguardError(
        'NOT_READY',
        `a transaction stays open in ${partitionName(open)}: find who has it with ` +
          '`kafka-transactions find-hanging`, abort it, and promote again',
      );
    }
    await clock.sleep(pollMs);
  }
}
