/** Partitions as they are on the broker and in the group, for a plan. */
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { KafkaPort, PartitionOffset } from '../../streams/kafka/port.ts';
import {
  committedPositions,
  partitionsOfTopics,
} from '../stopped-application/application-topics.ts';
import type { KnownPartition } from './replay-plan.ts';
import type { ReplayedApplication } from './replayed-application.ts';
import type { ResetTarget } from './reset-target.ts';

export interface KnownPartitionsOptions {
  readonly port: KafkaPort;
  readonly application: ReplayedApplication;
  readonly target: ResetTarget;
}

/** @throws TOPIC_MISSING */
export async function knownPartitions(
  { port, application, target }: KnownPartitionsOptions,
  names: readonly string[],
): Promise<readonly KnownPartition[]> {
  const partitions = await partitionsOfTopics(port, names);
  const missing = names.find((name) => !partitions.some(({ topic }) => topic === name));
  if (missing !== undefined) {
    const message = `there is no topic ${missing}; has ${application.applicationId} ever run?`;
    throw new RollguardError('TOPIC_MISSING', message);
  }
  const { topology, applicationId } = application;
  const committed = byName(await committedPositions(port, topology, applicationId));
  const earliest = byName(await port.admin.listOffsets(partitions, 'earliest'));
  const latest = byName(await port.admin.listOffsets(partitions, 'latest'));
  const atTime =
    target.kind === 'datetime'
      ? byName(await port.admin.listOffsets(partitions, { fromMs: target.atMs }))
      : undefined;
  return partitions.map((each) => {
    const name = partitionName(each);
    return {
      ...{ ...each, committed: committed.get(name), atTime: atTime?.get(name) },
      ...{ earliest: earliest.get(name) ?? 0, latest: latest.get(name) ?? 0 },
    };
  });
}

function byName(offsets: readonly PartitionOffset[]): ReadonlyMap<string, number> {
  return new Map(offsets.map((each) => [partitionName(each), each.offset]));
}
