/**
 * What a replay will do, before anything is done: where each partition stands and will stand, what is
 * read again, what is made anew, what will be written. Pure.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { TopicPartition } from '../../streams/kafka/port.ts';
import type { ResetTarget } from './reset-target.ts';

/** A partition of an input or a kept log, as it is. */
export interface KnownPartition extends TopicPartition {
  /** Undefined: the group never committed it. */
  readonly committed: number | undefined;
  readonly earliest: number;
  readonly latest: number;
  /** Of the first record of the wanted time or later; −1: there is none. Only where a time is asked for. */
  readonly atTime?: number | undefined;
}

export interface PlanOptions {
  readonly target: ResetTarget;
  /** Empty: all. */
  readonly topics: readonly string[];
  /** Empty: all. */
  readonly partitions: readonly number[];
  readonly inputs: readonly KnownPartition[];
  readonly keptLogs: readonly KnownPartition[];
  /** Topics that a full reset makes anew. */
  readonly cleared: readonly string[];
  /** Of the events. */
  readonly outputTopic: string;
  /** What will be written, in words; undefined: of the events what differs. */
  readonly emits?: string | undefined;
}

export interface PlannedPartition extends TopicPartition {
  readonly now: number;
  readonly then: number;
  /** Offsets to be read again. */
  readonly again: number;
  /** Offsets that will never be read. */
  readonly skipped: number;
  /** What was asked for lies outside of what is there; undefined: it does not. */
  readonly clippedFrom: number | undefined;
}

export interface ReplayPlan {
  /** State is cleared and derived from nothing. */
  readonly isFull: boolean;
  /** Why state is cleared or kept. */
  readonly why: string;
  readonly partitions: readonly PlannedPartition[];
  readonly cleared: readonly string[];
  readonly again: number;
  readonly skipped: number;
  /** What will be written, in words. */
  readonly emits: string;
}

/** @throws USAGE when the options name what cannot be reset. */
export function planReplay(options: PlanOptions): ReplayPlan {
  const { target, inputs, keptLogs, cleared, outputTopic } = options;
  checkNames(options);
  const { isFull, why } = kindOf(options);
  const moved = inputs.map((known) =>
    isChosen(options, known) ? planned(known, wantedOf(target, known)) : planned(known, undefined),
  );
  const logs = isFull ? keptLogs.map((known) => planned(known, known.earliest)) : [];
  const partitions = [...moved, ...logs];
  return {
    isFull,
    why,
    partitions,
    cleared: isFull ? cleared : [],
    again: sum(partitions.map(({ again }) => again)),
    skipped: sum(partitions.map(({ skipped }) => skipped)),
    emits: options.emits ?? emitsOf(isFull, outputTopic),
  };
}

function emitsOf(isFull: boolean, outputTopic: string): string {
  return isFull
    ? `to ${outputTopic} only entries that differ from their last event there; nothing when none does`
    : `to ${outputTopic} only what the kept state does not say yet; nothing when nothing is new`;
}

function kindOf({ target, topics, partitions, inputs, keptLogs }: PlanOptions): {
  readonly isFull: boolean;
  readonly why: string;
} {
  const kept = (because: string): { isFull: false; why: string } => ({
    isFull: false,
    why: `state and all topics are kept, and know what they have seen: ${because}`,
  });
  if (target.kind !== 'earliest') return kept('only --to-earliest begins from nothing');
  if (topics.length > 0 || partitions.length > 0) return kept('only a part is reset');
  const expired = [...inputs, ...keptLogs].find(({ earliest }) => earliest > 0);
  if (expired !== undefined) {
    const { earliest } = expired;
    return kept(
      `${partitionName(expired)} begins at ${earliest}, and what was deleted cannot be derived again`,
    );
  }
  return { isFull: true, why: 'everything is there from its beginning: state is derived anew' };
}

function isChosen(
  { target, topics, partitions }: PlanOptions,
  { topic, partition }: TopicPartition,
): boolean {
  if (target.kind === 'file' && !target.offsets.has(partitionName({ topic, partition })))
    return false;
  if (topics.length > 0 && !topics.includes(topic)) return false;
  return partitions.length === 0 || partitions.includes(partition);
}

function wantedOf(target: ResetTarget, known: KnownPartition): number {
  switch (target.kind) {
    case 'earliest':
      return known.earliest;
    case 'latest':
      return known.latest;
    case 'offset':
      return target.offset;
    case 'datetime':
      return known.atTime === undefined || known.atTime < 0 ? known.latest : known.atTime;
    case 'shift':
      return positionOf(known) + target.by;
    case 'file':
      return target.offsets.get(partitionName(known)) ?? positionOf(known);
  }
}

/** @param wanted undefined: it stays where it is. */
function planned(known: KnownPartition, wanted: number | undefined): PlannedPartition {
  const { topic, partition, earliest, latest } = known;
  const now = positionOf(known);
  const then = wanted === undefined ? now : Math.min(Math.max(wanted, earliest), latest);
  return {
    ...{ topic, partition, now, then },
    again: Math.max(0, now - then),
    skipped: Math.max(0, then - now),
    clippedFrom: wanted === undefined || wanted === then ? undefined : wanted,
  };
}

/** What the group never committed it has not read. */
function positionOf({ committed, earliest }: KnownPartition): number {
  return committed ?? earliest;
}

function checkNames({ target, topics, partitions, inputs, keptLogs, cleared }: PlanOptions): void {
  const names = new Set(inputs.map(({ topic }) => topic));
  const resettable = `what can be reset is ${[...names].join(', ')}`;
  const unknown = topics.find((topic) => !names.has(topic));
  if (unknown !== undefined) {
    const isInside = cleared.includes(unknown) || keptLogs.some(({ topic }) => topic === unknown);
    throw usage(
      isInside
        ? `--topic ${unknown} is the application's own, and read again only by a full reset; ${resettable}`
        : `--topic ${unknown} is no input of the application; ${resettable}`,
    );
  }
  const missing = partitions.find(
    (wanted) =>
      !inputs.some(
        ({ topic, partition }) =>
          partition === wanted && (topics.length === 0 || topics.includes(topic)),
      ),
  );
  if (missing !== undefined) throw usage(`--partition ${missing}: no chosen topic has it`);
  if (target.kind !== 'file') return;
  const known = new Set(inputs.map(partitionName));
  const stray = [...target.offsets.keys()].find((name) => !known.has(name));
  if (stray !== undefined) throw usage(`--from-file names ${stray}; ${resettable}`);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function usage(message: string): RollguardError {
  return new RollguardError('USAGE', message);
}
