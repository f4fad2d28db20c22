/** The topics of an application id that a promotion carries over to another one. */
import type { KafkaPort, TopicPartition } from '../../streams/kafka/port.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { allSources, topicsOf } from '../stopped-application/application-topics.ts';
import { promotedName, type PromotedIds } from './promoted-decision.ts';

/** A topic of the old application id that exists. */
export interface CarriedTopic {
  readonly from: string;
  readonly to: string;
  readonly partitionCount: number;
  /** True when tasks read it: positions in it are committed and named. */
  readonly isRead: boolean;
}

export async function carriedTopics(
  port: KafkaPort,
  topology: Topology,
  ids: PromotedIds,
): Promise<readonly CarriedTopic[]> {
  const read = new Set(allSources(topology, ids.from));
  const topics = await port.admin.describeTopics(topicsOf(topology, ids.from));
  return topics.map(({ name, partitionCount }) => ({
    from: name,
    to: promotedName(name, ids),
    partitionCount,
    isRead: read.has(name),
  }));
}

export function partitionsOf({ from, partitionCount }: CarriedTopic): readonly TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic: from, partition }));
}
