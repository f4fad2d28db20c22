/**
 * Whether the Availability Guard's state is what it must be, from durable things only, with the
 * application stopped: for each partition, the store on disk = its changelog folded = the log of
 * decisions folded from nothing; and the events, read committed, are those that the decisions imply.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { StateDirectory } from '../../stores/state-directory.ts';
import { readRanges, wholeTopics, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import type { SubTopology } from '../../streams/topology-builder.ts';
import { guardSubTopologies } from '../../topology/guard/guard-topology.ts';
import { readPromotionMark } from '../guard/promotion-mark.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { differingKeys, hashOfContent, type Canonical, type Content } from './content.ts';
import { DecisionFold } from './decision-fold.ts';
import { EventMatch, type EventPartitionReport } from './event-match.ts';
import { changelogTasks, taskContents } from './task-contents.ts';
import type { VerifyOptions } from './verify-state.ts';

export interface GuardTaskReport {
  readonly task: string;
  readonly entries: number;
  /** Undefined: this machine has no store of the task. */
  readonly store: string | undefined;
  readonly changelog: string;
  /** Undefined: the task decides nothing. */
  readonly decisions: string | undefined;
  readonly decisionCount: number;
  /** Changelog records after the store's position: what a start would replay. */
  readonly tailRecords: number;
  /** The first few entries that are not the same everywhere, and decisions that cannot be folded. */
  readonly differing: readonly string[];
}

export interface GuardReport {
  readonly tasks: readonly GuardTaskReport[];
  readonly events: readonly EventPartitionReport[];
  /** Partitions of the events' topic that have lost their beginning: those are not compared. */
  readonly truncated: readonly string[];
  readonly isEqual: boolean;
}

const differingMax = 5;

/** @throws STATE_LOCKED while the application runs, UNSUPPORTED when decisions were deleted. */
export async function verifyGuard(options: VerifyOptions): Promise<GuardReport> {
  const { topology, stateDir, applicationId, clock, logger } = options;
  const directory = await StateDirectory.open({
    ...{ stateDir, applicationId, clock, logger, metrics: noMetrics },
  });
  try {
    const ranges = await wholeTopics(options.port, [options.eventsTopic]);
    const matches = ranges.map(({ partition }) => new EventMatch(partition));
    const tasks: GuardTaskReport[] = [];
    for (const subTopology of topology.subTopologies) {
      // What keeps nothing has no changelog.
      if (subTopology.stores.length === 0) continue;
      tasks.push(...(await verifySubTopology(subTopology, { ...options, directory, matches })));
    }
    const { events, truncated } = await verifyEvents(ranges, matches, options);
    const isEqual = [...tasks, ...events].every(({ differing }) => differing.length === 0);
    return { tasks, events, truncated, isEqual };
  } finally {
    await directory.close();
  }
}

interface TaskOptions extends VerifyOptions {
  readonly directory: StateDirectory;
  /** By partition of the events' topic. */
  readonly matches: readonly EventMatch[];
}

async function verifySubTopology(
  subTopology: SubTopology,
  options: TaskOptions,
): Promise<readonly GuardTaskReport[]> {
  const { progress, signal } = options;
  const reports: GuardTaskReport[] = [];
  for (const place of await changelogTasks(subTopology, options)) {
    signal.throwIfAborted();
    const { task, changelog } = place;
    progress(`verify: ${task}`);
    const { folded, stored } = await taskContents(place, {
      ...{ ...options, subTopology },
      canonical: asItIs,
    });
    const decided =
      subTopology.name === guardSubTopologies.guard
        ? await foldDecisions(changelog.partition, options)
        : undefined;
    const again = await decided?.content();
    reports.push({
      task,
      entries: folded.content.size,
      store: stored && hashOfContent(stored.content),
      changelog: hashOfContent(folded.content),
      decisions: again && hashOfContent(again),
      decisionCount: decided?.decisions ?? 0,
      tailRecords: stored?.tailRecords ?? 0,
      differing: [
        ...(decided?.problems ?? []).slice(0, differingMax),
        ...differences('the store', stored?.content, folded.content),
        ...differences('the decisions', again, folded.content),
      ],
    });
  }
  return reports;
}

/** Guard values are JSON whose order is their own. */
export const asItIs: Canonical = (_store, value) => value;

function differences(
  of: string,
  content: Content | undefined,
  changelog: Content,
): readonly string[] {
  if (content === undefined) return [];
  return differingKeys(content, changelog)
    .slice(0, differingMax)
    .map((key) => `${key}: ${of} and the changelog differ`);
}

/** All decisions of a partition, and what the task has read of the catalogue. */
export async function foldDecisions(
  partition: number,
  { port, applicationId, matches }: Pick<TaskOptions, 'port' | 'applicationId' | 'matches'>,
): Promise<DecisionFold> {
  const ofPartition = async (topic: string): Promise<OffsetRange> => {
    const ranges = await wholeTopics(port, [topic]);
    const range = ranges.find((each) => each.partition === partition);
    if (range === undefined) {
      throw new RollguardError('TOPIC_MISSING', `there is no ${topic}-${partition}`);
    }
    if (range.from === 0) return range;
    throw new RollguardError(
      'UNSUPPORTED',
      `${topic}-${partition} begins at offset ${range.from}: what was deleted cannot be folded again`,
    );
  };
  const decisions = await ofPartition(`${applicationId}-decisions`);
  const catalogue = await ofPartition(`${applicationId}-catalogue`);
  // As the topology's sink chooses it.
  const match = matches[partition % Math.max(matches.length, 1)];
  const mark = await readPromotionMark(port, applicationId);
  const carried = mark?.completed?.ends[decisions.topic]?.[partition] ?? 0;
  let isCarried = false;
  const fold = await DecisionFold.begin((event) => {
    // Events of decisions that were promoted stayed where the old application id had written them.
    if (!isCarried) match?.addImplied(event);
  });
  await readRanges(port, [decisions], (record) => {
    isCarried = record.offset < carried;
    fold.addDecision(record);
    return true;
  });
  const committed = await committedOffsets(port, applicationId, [catalogue]);
  const read = { ...catalogue, to: Math.min(catalogue.to, committed(catalogue)) };
  await readRanges(port, [read], (record) => {
    fold.addCatalogue(record);
    return true;
  });
  return fold;
}

async function verifyEvents(
  ranges: readonly OffsetRange[],
  matches: readonly EventMatch[],
  { port, eventsTopic, progress }: VerifyOptions,
): Promise<Pick<GuardReport, 'events' | 'truncated'>> {
  progress(`verify: ${eventsTopic}`);
  const whole = ranges.filter(({ from }) => from === 0);
  await readRanges(port, whole, (record, { partition }) => {
    matches[partition]?.addFound(record);
    return true;
  });
  const isWhole = new Set(whole.map(({ partition }) => partition));
  const truncated = ranges.filter(({ from }) => from > 0);
  return {
    events: matches
      .map((match) => match.report())
      .filter(({ partition }) => isWhole.has(partition)),
    truncated: truncated.map(
      ({ topic, partition, from }) => `${topic}-${partition} begins at offset ${from}`,
    ),
  };
}
