/**
 * The Availability Guard as a replay sees it. What the guard has decided is not decided again: a full
 * reset makes its holds anew of the log of decisions, any other leaves them as they are. What is read
 * again are the captured tables; only what nobody knows yet comes of them.
 *
 *   sub-topology   full reset                                any other
 *   intake         cleared, derived from the tables          kept, reads again
 *   commands       nothing: each command was sent on once, in the transaction that moved its position
 *   platform       keeps nothing; its facts are made anew    reads again
 *   reservations   kept: what was ordered of the guard is in no table; learns only what is news
 *   guard          cleared, folded from the decisions        nothing
 *
 * Orders and hold facts are deeds as decisions are, and the catalogue is what was decided on: all of them
 * are kept, and what the guard has not decided of them it decides when it starts.
 */
import { RollguardError } from '../../../kernel/errors.ts';
import type { KafkaPort, Topology } from '../../../streams/index.ts';
import { committedOffsets } from '../../../streams/kafka/committed-offsets.ts';
import { readRanges, wholeTopics } from '../../../streams/kafka/read-ranges.ts';
import type { TaskHash } from '../../../streams/replay-mark.ts';
import { changelogTopic, topicName, type SubTopology } from '../../../streams/topology-builder.ts';
import { catalogueTables } from '../../../topology/guard/catalogue-rows.ts';
import { guardInternalTopics as names } from '../../../topology/guard/guard-names.ts';
import { guardSubTopologies, type GuardReplay } from '../../../topology/guard/guard-topology.ts';
import { reservationColumns } from '../../../topology/guard/reservations/reservation-fact.ts';
import type {
  ReplayedApplication,
  ReplayOutcome,
  ReplayParts,
  ReplayRun,
} from '../replayed-application.ts';
import { workOff } from '../work-off.ts';
import { checkFoldable } from './check-foldable.ts';
import { guardHashes } from './guard-hashes.ts';
import { verifyReplayed } from './verify-replayed.ts';

export interface GuardToReplayOptions {
  readonly port: KafkaPort;
  readonly applicationId: string;
  readonly eventsTopic: string;
  readonly topicPrefix: string;
  /** Where records go that cannot be used; a replay writes none there. */
  readonly deadLetterTopic: string;
  /** @param replay undefined: as the service runs it. */
  readonly topologyOf: (replay?: GuardReplay) => Topology;
}

// What cannot be read went to the dead letters when it was read first.
export const replayFailures = {
  deserializationFailure: 'continue',
  processingFailure: 'fail',
} as const;

export function guardToReplay(options: GuardToReplayOptions): ReplayedApplication {
  const { applicationId, topicPrefix, eventsTopic, topologyOf } = options;
  const own = (internal: string): string => topicName({ internal }, applicationId);
  const tables = [...catalogueTables, ...Object.keys(reservationColumns)];
  const topology = withDecisionsRead(topologyOf(), topologyOf('fold'));
  return {
    ...{ name: 'availability-guard', applicationId, topology, outputTopic: eventsTopic },
    emits: 'nothing: what was decided was said then, and nothing is decided again',
    inputs: tables.map((table) => `${topicPrefix}.public.${table}`),
    keptLogs: [own(names.decisions), own(names.catalogue)],
    cleared: [
      own(names.snapshotEnds),
      own(names.reservationFacts),
      changelogTopic(guardSubTopologies.intake, applicationId),
      changelogTopic(guardSubTopologies.guard, applicationId),
    ],
    check: (parts) => checkFoldable({ ...parts, ...options, decisionsTopic: own(names.decisions) }),
    hashes: (parts): Promise<readonly TaskHash[]> =>
      guardHashes({ ...parts, topology, applicationId, port: options.port }),
    run: (replay) => run(options, topology, replay),
  };
}

async function run(
  options: GuardToReplayOptions,
  topology: Topology,
  replay: ReplayRun,
): Promise<ReplayOutcome> {
  const { port, applicationId, eventsTopic, deadLetterTopic, topologyOf } = options;
  const { isFull, bounds, stateDir, clock, logger, signal, progress } = replay;
  const parts: ReplayParts = { clock, logger, signal, progress };
  await workOff(
    {
      ...{ ...parts, port, applicationId, stateDir },
      topology: topologyOf(isFull ? 'fold' : 'keep'),
      bounds: withoutDecisions(bounds, applicationId),
      options: { deadLetterTopic, ...replayFailures },
      what: isFull ? 'decisions are folded, tables read again' : 'tables are read again',
    },
    () => Promise.resolve(),
  );
  const verified = { ...parts, port, topology, applicationId, eventsTopic, stateDir };
  return { emitted: 0, notes: [...(await verifyReplayed(verified)), ...(await waiting(options))] };
}

/** The service's own, with the log that only a replay reads: it has positions as every source has. */
function withDecisionsRead(live: Topology, fold: Topology): Topology {
  const isGuard = ({ name }: SubTopology): boolean => name === guardSubTopologies.guard;
  const folded = fold.subTopologies.find(isGuard)?.sources ?? [];
  const added = (guard: SubTopology): SubTopology => {
    const known = new Set(guard.sources.map(({ name }) => name));
    return {
      ...guard,
      sources: [...guard.sources, ...folded.filter(({ name }) => !known.has(name))],
    };
  };
  return {
    ...live,
    subTopologies: live.subTopologies.map((each) => (isGuard(each) ? added(each) : each)),
  };
}

/** Decisions are folded to their end: no position of the service's says how far it has made them. */
function withoutDecisions(
  bounds: ReadonlyMap<string, number>,
  applicationId: string,
): ReadonlyMap<string, number> {
  const prefix = `${topicName({ internal: names.decisions }, applicationId)}-`;
  return new Map([...bounds].filter(([partition]) => !partition.startsWith(prefix)));
}

/** What was sent to the guard and is not decided yet. */
async function waiting({ port, applicationId }: GuardToReplayOptions): Promise<readonly string[]> {
  const topics = [names.orders, names.commands].map((internal) =>
    topicName({ internal }, applicationId),
  );
  const notes: string[] = [];
  for (const topic of topics) {
    const whole = await wholeTopics(port, [topic]);
    const committed = await committedOffsets(port, applicationId, whole);
    const unread = whole.map((range) => ({
      ...range,
      from: Math.max(range.from, committed(range)),
    }));
    let count = 0;
    await readRanges(port, unread, () => {
      count += 1;
      return true;
    });
    if (count > 0)
      notes.push(`${count} records of ${topic} wait for the guard, which decides them`);
  }
  return notes;
}

/** @throws UNSUPPORTED for what a replay never asks of the guard's topology. */
export function neverRun(): never {
  throw new RollguardError('UNSUPPORTED', 'a replay of the guard decides and writes nothing');
}
