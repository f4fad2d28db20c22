/**
 * What a replay notes about itself, in a topic of the application id it is of, kept for ever: that it has
 * begun and with which positions, that they are reset, that it is complete. While the last one is not
 * complete no instance may start: state would be half of before and half of after.
 *
 * The notes are the replay's memory: one that was killed goes on with the positions that are noted here,
 * not with those it left half moved.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type { KafkaPort, NewTopic, ProduceBatch } from './kafka/port.ts';
import { readRanges, wholeTopics } from './kafka/read-ranges.ts';

const positionSchema = z.object({
  topic: z.string(),
  partition: z.number().int(),
  /** Where the group stood. */
  now: z.number().int(),
  /** Where reading begins again. */
  then: z.number().int(),
});
const hashSchema = z.object({ task: z.string(), entries: z.number().int(), hash: z.string() });
const topicSchema = z.object({
  name: z.string(),
  topicId: z.string(),
  partitionCount: z.number().int(),
  /** Set for the topic itself. */
  configs: z.record(z.string(), z.string()),
});
const begunSchema = z.object({
  kind: z.literal('begun'),
  replayId: z.string(),
  at: z.string(),
  /** The options that say where to, as they were given. */
  asked: z.string(),
  /** State and the topics between sub-topologies are made anew. */
  isFull: z.boolean(),
  positions: z.array(positionSchema),
  /** Topics to be made anew, as they were: one that has another id was made by this replay. */
  cleared: z.array(topicSchema),
  /** Of the state before. */
  hashes: z.array(hashSchema),
});
/** Written with the group's offsets in one transaction. */
const resetSchema = z.object({ kind: z.literal('reset'), replayId: z.string() });
const completedSchema = z.object({
  kind: z.literal('completed'),
  replayId: z.string(),
  at: z.string(),
  /** Of the state after. */
  hashes: z.array(hashSchema),
  /** Differences that were written to outputs. */
  emitted: z.number().int(),
});
const noteSchema = z.discriminatedUnion('kind', [begunSchema, resetSchema, completedSchema]);

export type ReplayNote = z.output<typeof noteSchema>;
export type BegunReplay = z.output<typeof begunSchema>;
export type CompletedReplay = z.output<typeof completedSchema>;
/** Of the content of one task's stores. */
export type TaskHash = z.output<typeof hashSchema>;

/** The last replay of an application id. */
export interface ReplayMark {
  readonly begun: BegunReplay;
  /** The group's offsets are those of `begun.positions`, or on their way from there. */
  readonly isReset: boolean;
  readonly completed: CompletedReplay | undefined;
}

export function replayTopic(applicationId: string): NewTopic {
  return {
    name: `${applicationId}-replay`,
    partitionCount: 1,
    configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' },
  };
}

/** Undefined: it was never replayed. */
export async function readReplayMark(
  port: KafkaPort,
  applicationId: string,
): Promise<ReplayMark | undefined> {
  const { name } = replayTopic(applicationId);
  let mark: ReplayMark | undefined;
  await readRanges(port, await wholeTopics(port, [name]), ({ value, offset }) => {
    mark = afterNote(mark, parseNote(value, `${name}@${offset}`));
    return true;
  });
  return mark;
}

function afterNote(mark: ReplayMark | undefined, note: ReplayNote): ReplayMark | undefined {
  if (note.kind === 'begun') return { begun: note, isReset: false, completed: undefined };
  if (mark?.begun.replayId !== note.replayId) return mark;
  return note.kind === 'reset' ? { ...mark, isReset: true } : { ...mark, completed: note };
}

/** @throws REPLAY_UNFINISHED while a replay of the application id is not complete. */
export async function checkNoReplay(port: KafkaPort, applicationId: string): Promise<void> {
  const mark = await readReplayMark(port, applicationId);
  if (mark === undefined || mark.completed !== undefined) return;
  const { replayId, at, asked } = mark.begun;
  throw new RollguardError(
    'REPLAY_UNFINISHED',
    `a replay of ${applicationId} that was begun at ${at} (${asked}) is not complete, so its state is ` +
      'neither that of before nor that of after: run the same command again to its end ' +
      `(rollguard replay offsets ${asked} --execute), then start`,
    { context: { applicationId, replayId } },
  );
}

/** A note as a batch for the replay's topic. */
export function replayNoteBatch(
  applicationId: string,
  note: ReplayNote,
  nowMs: number,
): ProduceBatch {
  const value = Buffer.from(JSON.stringify(note), 'utf8');
  const records = [{ key: null, value, timestampMs: nowMs }];
  return { topic: replayTopic(applicationId).name, partition: 0, records };
}

function parseNote(value: Buffer | null, where: string): ReplayNote {
  try {
    return noteSchema.parse(JSON.parse(String(value)));
  } catch (error) {
    const message = `${where} is no note of a replay; was it written by a newer Rollguard?`;
    throw new RollguardError('INPUT_INVALID', message, { cause: error });
  }
}
