/**
 * What a promotion notes about itself, in a topic of the new application id. It is made before any other
 * topic of that id: what is found there without a note is somebody's own. The last note, that all is
 * done, is written in one transaction with the group's offsets, so it is there with them or not at all.
 * It is kept, unlike offsets, which a group loses that nobody uses for a week.
 */
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';
import type { KafkaPort, NewTopic, ProduceBatch } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';

const begunSchema = z.object({
  kind: z.literal('begun'),
  /** Ids of the topics that were made, by name: one made again by somebody else has another. */
  topicIds: z.record(z.string(), z.string()),
});
const completedSchema = z.object({
  kind: z.literal('completed'),
  /** The application id that was promoted. */
  from: z.string(),
  at: z.string(),
  /** For each copied topic, where the copy ended in each partition. */
  ends: z.record(z.string(), z.array(z.number())),
});
const noteSchema = z.discriminatedUnion('kind', [begunSchema, completedSchema]);

type Note = z.output<typeof noteSchema>;
export type CompletedPromotion = z.output<typeof completedSchema>;

export interface PromotionMark {
  /** Of the topics that promotions made, complete or not. */
  readonly topicIds: ReadonlySet<string>;
  readonly completed: CompletedPromotion | undefined;
}

export function promotionTopic(applicationId: string): NewTopic {
  return {
    name: `${applicationId}-promotion`,
    partitionCount: 1,
    configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1' },
  };
}

/** Undefined: nobody ever began to promote to this id. */
export async function readPromotionMark(
  port: KafkaPort,
  applicationId: string,
): Promise<PromotionMark | undefined> {
  const { name } = promotionTopic(applicationId);
  const ranges = await wholeTopics(port, [name]);
  if (ranges.length === 0) return undefined;
  const topicIds = new Set<string>();
  let completed: CompletedPromotion | undefined;
  await readRanges(port, ranges, ({ value, offset }) => {
    const note = parseNote(value, `${name}@${offset}`);
    if (note.kind === 'completed') completed = note;
    else for (const id of Object.values(note.topicIds)) topicIds.add(id);
    return true;
  });
  return { topicIds, completed };
}

/** A note as a batch for the promotion's topic. */
export function noteBatch(applicationId: string, note: Note, nowMs: number): ProduceBatch {
  const value = Buffer.from(JSON.stringify(note), 'utf8');
  return {
    topic: promotionTopic(applicationId).name,
    partition: 0,
    records: [{ key: null, value, timestampMs: nowMs }],
  };
}

function parseNote(value: Buffer | null, where: string): Note {
  try {
    return noteSchema.parse(JSON.parse(String(value)));
  } catch (error) {
    const message = `${where} is no note of a promotion; was it written by a newer Rollguard?`;
    throw new RollguardError('INPUT_INVALID', message, { cause: error });
  }
}
