/**
 * The Roll Service as a replay sees it. A full reset derives every ledger anew: first what is captured is
 * sent to the ledgers, then they are derived in the order of time, with the ticks that were kept. The
 * order matters for the work alone: a date that closes before a departure is known costs nights that are
 * voided again. Events and ticks go nowhere meanwhile; at the end what is there is compared with what was
 * said, and the difference is written.
 */
import { MemoryEngine } from '../../../stores/memory-engine.ts';
import type { KafkaPort, KafkaStreams } from '../../../streams/index.ts';
import { sourceTopics } from '../../../streams/internal-topics.ts';
import type { TransactionalProducer } from '../../../streams/kafka/port.ts';
import { replayTopic, type TaskHash } from '../../../streams/replay-mark.ts';
import { topicName, type Topology } from '../../../streams/topology-builder.ts';
import { canonicalRollValue } from '../../../topology/roll/roll-canonical.ts';
import { replayDifferenceHeaders } from '../../../topology/roll/replay-header.ts';
import { backfillTopic, closedDatesTopic } from '../../../topology/roll/roll-names.ts';
import { rollSubTopologies } from '../../../topology/roll/roll-topology.ts';
import { changelogsOf } from '../../stopped-application/application-topics.ts';
import { hashOfContent } from '../../verify/content.ts';
import { restoredContent } from '../../verify/restored-content.ts';
import { changelogTasks } from '../../verify/task-contents.ts';
import {
  type ReplayedApplication,
  type ReplayOutcome,
  type ReplayParts,
  type ReplayRun,
} from '../replayed-application.ts';
import { passOnLetters } from '../held-letters.ts';
import { headed, heldBack, partOf } from '../replayed-topology.ts';
import { workOff } from '../work-off.ts';
import { checkTotals } from './check-totals.ts';
import { emitEntryDifferences, type EventCodec } from './entry-differences.ts';
import { tellMissingTicks } from './missing-ticks.ts';

export interface RollToReplayOptions {
  readonly port: KafkaPort;
  readonly applicationId: string;
  /** Closes no date by a clock. */
  readonly topology: Topology;
  readonly eventsTopic: string;
  readonly codec: EventCodec;
}

const transactionTimeoutMs = 60_000;
const behindNamedMax = 5;

export function rollToReplay(options: RollToReplayOptions): ReplayedApplication {
  const { applicationId, eventsTopic } = options;
  const topology = partOf(options.topology, Object.values(rollSubTopologies));
  const ticks = topicName({ internal: 'ticks' }, applicationId);
  const recorded = [closedDatesTopic(applicationId), backfillTopic(applicationId)];
  const sources = new Set(
    topology.subTopologies.flatMap((each) => sourceTopics(each, applicationId)),
  );
  const own = [...topology.internalTopics.keys()].map((internal) =>
    topicName({ internal }, applicationId),
  );
  const between = own.filter(
    (name) => sources.has(name) && name !== ticks && !recorded.includes(name),
  );
  return {
    name: 'roll-service',
    applicationId,
    topology,
    inputs: [...sources].filter((name) => name !== ticks && !between.includes(name)),
    keptLogs: [ticks],
    cleared: [...between, ...changelogsOf(topology, applicationId)],
    outputTopic: eventsTopic,
    hashes: (parts) => hashesOf({ ...options, topology }, parts),
    run: (replay) =>
      replay.isFull
        ? deriveAnew({ ...options, topology }, ticks, replay)
        : readAgain({ ...options, topology }, replay),
  };
}

async function hashesOf(
  { port, topology, applicationId }: RollToReplayOptions,
  parts: ReplayParts,
): Promise<readonly TaskHash[]> {
  const hashes: TaskHash[] = [];
  for (const subTopology of topology.subTopologies) {
    if (subTopology.stores.length === 0) continue;
    for (const { task, changelog } of await changelogTasks(subTopology, { port, applicationId })) {
      parts.signal.throwIfAborted();
      const { content } = await restoredContent(new MemoryEngine(), {
        ...{ ...parts, subTopology, changelog, canonical: canonicalRollValue, port },
      });
      hashes.push({ task, entries: content.size, hash: hashOfContent(content) });
    }
  }
  return hashes;
}

/** State and what lies between are empty. */
async function deriveAnew(
  options: RollToReplayOptions,
  ticksTopic: string,
  replay: ReplayRun,
): Promise<ReplayOutcome> {
  const { port, topology, applicationId } = options;
  const { intake, property, ledger } = rollSubTopologies;
  const work = { ...replay, port, applicationId };
  const silent = heldBack(topology, ['roll-events', 'ticks', 'closed-dates']);
  const read = { ...work, topology: partOf(silent, [intake]), what: 'captured rows' };
  await workOff(read, () => Promise.resolve());
  const derive = { ...work, topology: partOf(silent, [property, ledger]), what: 'ledgers' };
  return workOff(derive, (streams) => settle(options, ticksTopic, replay, streams));
}

/** Everything is derived: what is to be said of it. */
async function settle(
  options: RollToReplayOptions,
  ticksTopic: string,
  replay: ReplayRun,
  streams: KafkaStreams,
): Promise<ReplayOutcome> {
  const { port, applicationId } = options;
  const { progress, signal } = replay;
  progress('replay: the days of the properties beside the sum of their ledgers');
  await checkTotals(streams, signal);
  progress(`replay: the ledgers beside ${options.eventsTopic}`);
  // Of its own, so that a run that was killed here has left nothing open.
  const producer = await openWriter(port, applicationId);
  try {
    const write = { ...options, ...replay, streams, producer };
    const entries = await emitEntryDifferences(write);
    const letters = await passOnLetters(write);
    const ticks = await tellMissingTicks({ ...write, ticksTopic });
    const { written, behind } = ticks;
    const named = behind.slice(0, behindNamedMax).join(', ');
    return {
      emitted: entries + letters,
      notes: [
        ...lettersNote(letters),
        ...(written === 0 ? [] : [`${written} business dates that no tick told are told now`]),
        ...(behind.length === 0
          ? []
          : [`${behind.length} properties have ticks beyond their rows, which stay: ${named}`]),
      ],
    };
  } finally {
    await producer.close();
  }
}

/** State is kept: it knows what it has seen, so whatever comes out is news. */
async function readAgain(
  { port, topology, applicationId }: RollToReplayOptions,
  replay: ReplayRun,
): Promise<ReplayOutcome> {
  const headers = replayDifferenceHeaders(replay.replayId);
  let emitted = 0;
  const marked = headed(topology, ['roll-events'], headers, () => (emitted += 1));
  const work = { ...replay, port, applicationId, topology: marked, what: 'rows, once more' };
  await workOff(work, (streams) => checkTotals(streams, replay.signal));
  const producer = await openWriter(port, applicationId);
  try {
    const letters = await passOnLetters({ ...replay, port, applicationId, producer });
    return { emitted: emitted + letters, notes: lettersNote(letters) };
  } finally {
    await producer.close();
  }
}

function lettersNote(letters: number): readonly string[] {
  return letters === 0 ? [] : [`${letters} rows that could be used before are dead letters now`];
}

function openWriter(port: KafkaPort, applicationId: string): Promise<TransactionalProducer> {
  const transactionalId = `${replayTopic(applicationId).name}-differences`;
  return port.openProducer({ transactionalId, transactionTimeoutMs });
}
