/**
 * Whether the Roll Service's state is what it must be, from durable things only, with the application
 * stopped: for each partition, the store on disk = its changelog folded = the captured tables' topics
 * computed once more; and the events, read committed, each once and adding up to the same entries.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { StateDirectory } from '../../stores/state-directory.ts';
import { sourceTopics } from '../../streams/internal-topics.ts';
import type { KafkaPort, TopicPartition } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import { topicName, type SubTopology, type Topology } from '../../streams/topology-builder.ts';
import { canonicalRollValue } from '../../topology/roll/roll-canonical.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { contentOf, differingKeys, hashOfContent } from './content.ts';
import { EventLog, type EventSummary } from './event-log.ts';
import { recompute, type Recomputed } from './recompute.ts';
import { storesOf, type RangedStore } from './restored-content.ts';
import { changelogTasks, taskContents } from './task-contents.ts';

export interface VerifyOptions {
  readonly topology: Topology;
  readonly applicationId: string;
  readonly eventsTopic: string;
  /** Topics of the application's own that are input all the same: what is in them cannot be computed. */
  readonly recordedTopics?: readonly string[];
  readonly port: KafkaPort;
  readonly stateDir: string;
  readonly tombstoneRetentionMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface TaskReport {
  readonly task: string;
  readonly entries: number;
  /** Undefined: this machine has no store of the task. */
  readonly store: string | undefined;
  readonly changelog: string;
  readonly recomputed: string;
  /** Changelog records after the store's position: what a start would replay. */
  readonly tailRecords: number;
  /** The first few entries that are not the same everywhere. */
  readonly differing: readonly string[];
}

export interface StateReport {
  readonly tasks: readonly TaskReport[];
  readonly events: Omit<EventSummary, 'content'> & {
    readonly recomputed: string;
    readonly differing: readonly string[];
  };
  readonly isEqual: boolean;
}

const differingMax = 5;

/** @throws NOT_READY when the application has not processed all it read, STATE_LOCKED while it runs. */
export async function verifyState(options: VerifyOptions): Promise<StateReport> {
  const { topology, applicationId, stateDir, clock, logger } = options;
  const directory = await StateDirectory.open({
    ...{ stateDir, applicationId, clock, logger, metrics: noMetrics },
  });
  try {
    const inputs = await readInputs(options);
    const recomputed = await recompute({
      ...options,
      inputs,
      outputs: await outputCounts(options),
    });
    try {
      const tasks: TaskReport[] = [];
      for (const subTopology of topology.subTopologies) {
        if (subTopology.stores.length === 0) continue;
        tasks.push(...(await verifySubTopology(subTopology, recomputed, directory, options)));
      }
      const events = await verifyEvents(recomputed, options);
      const isEqual =
        tasks.every(({ differing }) => differing.length === 0) &&
        events.differing.length === 0 &&
        events.repeated.length === 0 &&
        events.contradicting.length === 0;
      return { tasks, events, isEqual };
    } finally {
      await recomputed.close();
    }
  } finally {
    await directory.close();
  }
}

async function outputCounts({ port, eventsTopic }: VerifyOptions): Promise<Record<string, number>> {
  const [topic] = await port.admin.describeTopics([eventsTopic]);
  return { [eventsTopic]: topic?.partitionCount ?? 1 };
}

/** What was read of the captured tables and of what was written down or backfilled. @throws NOT_READY when something between is not processed yet. */
async function readInputs(options: VerifyOptions): Promise<readonly OffsetRange[]> {
  const { topology, applicationId, recordedTopics = [], port } = options;
  const names = topology.subTopologies.flatMap((each) => sourceTopics(each, applicationId));
  const ranges = await wholeTopics(port, [...new Set(names)]);
  const committed = await committedOffsets(port, applicationId, ranges);
  const between = writtenTopics(topology, applicationId);
  const isInternal = ({ topic }: TopicPartition): boolean =>
    between.has(topic) && !recordedTopics.includes(topic);
  const unread = ranges
    .filter(isInternal)
    .map((range) => ({ ...range, from: Math.max(range.from, committed(range)) }));
  let waiting = 0;
  await readRanges(port, unread, () => {
    waiting += 1;
    return true;
  });
  if (waiting > 0) {
    throw new RollguardError(
      'NOT_READY',
      `${waiting} records between the sub-topologies of ${applicationId} are not processed yet; let the application catch up, then stop it and verify`,
    );
  }
  const inputs = ranges.filter((range) => !isInternal(range));
  const truncated = inputs.find(({ from }) => from > 0);
  if (truncated !== undefined) {
    const { topic, partition, from } = truncated;
    throw new RollguardError(
      'UNSUPPORTED',
      `${topic}-${partition} begins at offset ${from}: what was deleted cannot be computed once more`,
    );
  }
  return inputs.map((range) => ({ ...range, to: Math.min(range.to, committed(range)) }));
}

/** What the topology writes for itself. A topic of its own that it only reads, as the backfill's, is input. */
function writtenTopics(topology: Topology, applicationId: string): ReadonlySet<string> {
  const sinks = topology.subTopologies.flatMap((each) => each.sinks);
  return new Set(sinks.map(({ topic }) => topicName(topic, applicationId)));
}

async function verifySubTopology(
  subTopology: SubTopology,
  recomputed: Recomputed,
  directory: StateDirectory,
  options: VerifyOptions,
): Promise<readonly TaskReport[]> {
  const reports: TaskReport[] = [];
  for (const place of await changelogTasks(subTopology, options)) {
    const { task, changelog } = place;
    options.progress(`verify: ${task}`);
    const { folded, stored } = await taskContents(place, {
      ...{ ...options, subTopology, directory },
      canonical: canonicalRollValue,
    });
    const again = await contentOf(
      storesOf(
        subTopology,
        (store) =>
          recomputed.streams.query<RangedStore>({
            subTopology: subTopology.name,
            store,
            partition: changelog.partition,
          }).store,
      ),
      canonicalRollValue,
    );
    const differing = new Set([
      ...differingKeys(folded.content, again),
      ...(stored === undefined ? [] : differingKeys(stored.content, folded.content)),
    ]);
    reports.push({
      task,
      entries: folded.content.size,
      store: stored && hashOfContent(stored.content),
      changelog: hashOfContent(folded.content),
      recomputed: hashOfContent(again),
      tailRecords: stored?.tailRecords ?? 0,
      differing: [...differing].slice(0, differingMax),
    });
  }
  return reports;
}

async function verifyEvents(
  recomputed: Recomputed,
  { port, eventsTopic, progress }: VerifyOptions,
): Promise<StateReport['events']> {
  progress(`verify: ${eventsTopic}`);
  const real = new EventLog();
  await readRanges(port, await wholeTopics(port, [eventsTopic]), (record, { partition }) => {
    real.add(record, partition);
    return true;
  });
  const again = new EventLog();
  for (const record of recomputed.output(eventsTopic)) again.add(record, 0);
  const [{ content, ...summary }, expected] = [real.summary(), again.summary()];
  const differing = differingKeys(content, expected.content).slice(0, differingMax);
  return { ...summary, recomputed: expected.hash, differing };
}
