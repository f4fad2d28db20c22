/** What stands in the way of a promotion: each refusal says what to do about it. Nothing is changed. */
import { RollguardError } from '../../kernel/errors.ts';
import type { DescribedMember, KafkaPort, TopicDescription } from '../../streams/kafka/port.ts';
import { wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { committedPositions, topicsOf } from '../stopped-application/application-topics.ts';
import { carriedTopics, type CarriedTopic } from './carried-topics.ts';
import type { PromotedIds } from './promoted-decision.ts';
import type { PromotionMark } from './promotion-mark.ts';

export async function checkStopped(port: KafkaPort, { from, to }: PromotedIds): Promise<void> {
  for (const groupId of [from, to]) {
    const { length } = await port.admin.groupMembers(groupId);
    if (length === 0) continue;
    throw refused(
      `group ${groupId} has ${length} member(s): stop every instance of it and promote again ` +
        '(one that was killed is a member until its session is over, ten seconds)',
    );
  }
}

/** The promotion's own member is to be the only one. */
export function checkAlone(groupId: string, members: readonly DescribedMember[]): void {
  if (members.length <= 1) return;
  throw refused(
    `an instance of ${groupId} was started meanwhile and has seen half of it: stop it; if it has ` +
      'written nothing yet, promote again',
  );
}

/** The topics to be carried over. @throws PRECONDITION_FAILED when there is nothing. */
export async function checkSource(
  port: KafkaPort,
  topology: Topology,
  ids: PromotedIds,
): Promise<readonly CarriedTopic[]> {
  const topics = await carriedTopics(port, topology, ids);
  const filled = await nonEmpty(
    port,
    topics.map(({ from }) => from),
  );
  const committed = await committedPositions(port, topology, ids.from);
  if (filled.size > 0 || committed.length > 0) return topics;
  throw refused(
    `${ids.from} has neither state nor offsets, so there is nothing to promote; ` +
      'name the suffix it ran under with --from-suffix, or just start the plain one',
  );
}

/**
 * Topics of the new id that a promotion made which was not completed: they are to be made anew.
 * @throws PRECONDITION_FAILED when there is anything that no promotion made.
 */
export async function checkTarget(
  port: KafkaPort,
  topology: Topology,
  to: string,
  mark: PromotionMark | undefined,
): Promise<readonly TopicDescription[]> {
  const topics = await port.admin.describeTopics(topicsOf(topology, to));
  const filled = await nonEmpty(
    port,
    topics.map(({ name }) => name),
  );
  // Made by a promotion that was killed before it could say so: a topic is filled only after that.
  const own = topics.filter(
    ({ name, topicId }) => filled.has(name) && mark?.topicIds.has(topicId) !== true,
  );
  const committed = await committedPositions(port, topology, to);
  if (own.length === 0 && committed.length === 0) return topics;
  const what = own.length > 0 ? own.map(({ name }) => name).join(', ') : 'offsets of its group';
  throw refused(
    `${to} has a life of its own (${what}), which no promotion made and none will overwrite: ` +
      'go on with it, or, if nothing of it is needed, delete its topics and its group ' +
      `(kafka-topics --delete, kafka-consumer-groups --delete --group ${to}) and promote again`,
  );
}

/** Nobody may have written or read on while it was copied. */
export function checkUnmoved(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): void {
  for (const [name, end] of after) {
    if (before.get(name) === end) continue;
    throw refused(
      `${name} was written while it was copied: an instance was started meanwhile; stop it and promote again`,
    );
  }
}

async function nonEmpty(port: KafkaPort, names: readonly string[]): Promise<ReadonlySet<string>> {
  const ranges = await wholeTopics(port, names);
  return new Set(ranges.filter(({ to }) => to > 0).map(({ topic }) => topic));
}

function refused(why: string): RollguardError {
  return new RollguardError('PRECONDITION_FAILED', why);
}
