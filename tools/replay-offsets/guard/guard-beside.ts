/**
 * The guard as a replay into a side sees it: what a full reset derives, and nothing else. The side folds a
 * copy of the decisions and of the catalogue, and is compared with a moment of the original.
 *
 *   intake         derived from the tables
 *   guard          folded from the decisions, as far as they were made at that moment
 *   all others     not there: a reset keeps what is known of reservations, and commands, orders and hold
 *                  facts are not read by a fold
 */
import { changelogTopic, topicName, type Topology } from '../../../streams/topology-builder.ts';
import { catalogueTables } from '../../../topology/guard/catalogue-rows.ts';
import { guardInternalTopics as names } from '../../../topology/guard/guard-names.ts';
import { guardSubTopologies } from '../../../topology/guard/guard-topology.ts';
import type { ReplayedApplication, ReplayOutcome, ReplayRun } from '../replayed-application.ts';
import { heldBack, partOf } from '../replayed-topology.ts';
import { workOff } from '../work-off.ts';
import { checkFoldable } from './check-foldable.ts';
import { guardHashes } from './guard-hashes.ts';
import { replayFailures, type GuardToReplayOptions } from './guard-to-replay.ts';
import { quietMoment } from './quiet-moment.ts';

const { intake, guard } = guardSubTopologies;
const kept = [names.decisions, names.catalogue] as const;

/** The original and the side alike. */
export function guardBeside(options: GuardToReplayOptions): ReplayedApplication {
  const { port, applicationId, topicPrefix, eventsTopic, topologyOf } = options;
  const own = (internal: string): string => topicName({ internal }, applicationId);
  const topology = foldedPart(topologyOf('fold'));
  const decisionsTopic = own(names.decisions);
  const unread = [decisionsTopic];
  return {
    ...{ name: 'availability-guard', applicationId, topology, outputTopic: eventsTopic, unread },
    emits: 'nothing: decisions are folded, and what was decided was said then',
    inputs: catalogueTables.map((table) => `${topicPrefix}.public.${table}`),
    keptLogs: kept.map(own),
    cleared: [
      own(names.snapshotEnds),
      changelogTopic(intake, applicationId),
      changelogTopic(guard, applicationId),
    ],
    check: (parts) => checkFoldable({ ...parts, port, applicationId, decisionsTopic }),
    hashes: (parts) => guardHashes({ ...parts, port, topology, applicationId }),
    moment: (parts) => quietMoment({ ...parts, port, topology, applicationId, unread }),
    run: (replay) => fold(options, topology, replay),
  };
}

/** Rows that are read again go nowhere: they are in the catalogue. */
function foldedPart(fold: Topology): Topology {
  const part = heldBack(partOf(fold, [intake, guard]), [names.catalogue]);
  const used = new Set<string>([...kept, names.snapshotEnds]);
  return {
    ...part,
    internalTopics: new Map([...part.internalTopics].filter(([name]) => used.has(name))),
  };
}

async function fold(
  { port, applicationId }: GuardToReplayOptions,
  topology: Topology,
  replay: ReplayRun,
): Promise<ReplayOutcome> {
  await workOff(
    {
      ...{ ...replay, port, applicationId, topology, options: replayFailures },
      what: 'decisions are folded',
    },
    () => Promise.resolve(),
  );
  return { emitted: 0, notes: [] };
}
