/**
 * A line of the log of decisions under its new application id. It names where its input stood: for a
 * topic between sub-topologies that is a topic of the old id and an offset that shifted when the topic
 * was copied. Left as they are, a fold of the log (`state verify`) would look for its inputs in the wrong
 * records, and an input at or below the highest folded offset would be skipped or taken twice. Inputs from
 * outside (captured tables, commands) are the same topics for both ids, so their offsets stay.
 *
 * Nothing else names such offsets: a changelog has entries of stores only, and the position up to which
 * a store on disk has read it stays on that disk, beside the id of the old topic, so that the new id's
 * tasks restore from the copied changelog from its start.
 */
import { readDecisionLine } from '../../topology/guard/decision-log.ts';
import type { PositionsByTopic } from './position-map.ts';

export interface PromotedIds {
  readonly from: string;
  readonly to: string;
}

export function promotedDecision(
  line: Buffer,
  ids: PromotedIds,
  positions: PositionsByTopic,
): Buffer {
  const decision = readDecisionLine(line);
  const { origin } = decision;
  if (origin === undefined) return line;
  const map = positions.get(origin.topic)?.[origin.partition];
  if (map === undefined) return line;
  const moved = {
    topic: promotedName(origin.topic, ids),
    partition: origin.partition,
    offset: map.at(origin.offset),
  };
  // A line is what JSON.stringify wrote, so all but the origin comes out as it was.
  return Buffer.from(JSON.stringify({ ...decision, origin: moved }), 'utf8');
}

/** What a topic of the old id is called under the new one. */
export function promotedName(topic: string, { from, to }: PromotedIds): string {
  return `${to}${topic.slice(from.length)}`;
}
