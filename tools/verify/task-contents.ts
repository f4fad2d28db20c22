/** What every verification reads of a task: its changelog folded, and its store brought up to it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { RollguardError } from '../../kernel/errors.ts';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { StateDirectory } from '../../stores/state-directory.ts';
import type { StateEngine } from '../../stores/state-engine.ts';
import type { ChangelogPartition } from '../../streams/commit.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { formatTaskId } from '../../streams/task-id.ts';
import { changelogTopic, type SubTopology } from '../../streams/topology-builder.ts';
import type { Canonical } from './content.ts';
import { restoredContent, type RestoredContent } from './restored-content.ts';
import type { VerifyOptions } from './verify-state.ts';

export interface ChangelogTask {
  readonly task: string;
  readonly changelog: ChangelogPartition;
}

/** One for each partition of the changelog. @throws TOPIC_MISSING */
export async function changelogTasks(
  { name }: SubTopology,
  { port, applicationId }: { readonly port: KafkaPort; readonly applicationId: string },
): Promise<readonly ChangelogTask[]> {
  const topic = changelogTopic(name, applicationId);
  const [description] = await port.admin.describeTopics([topic]);
  if (description === undefined) {
    throw new RollguardError('TOPIC_MISSING', `there is no changelog ${topic}; has it ever run?`);
  }
  const { topicId, partitionCount } = description;
  return Array.from({ length: partitionCount }, (_, partition) => ({
    task: formatTaskId({ subTopology: name, partition }),
    changelog: { topic, topicId, partition },
  }));
}

export function isStoreHere({ folder }: StateDirectory, task: string): boolean {
  return existsSync(path.join(folder, task));
}

export interface TaskContentsOptions extends VerifyOptions {
  readonly subTopology: SubTopology;
  readonly directory: StateDirectory;
  readonly canonical: Canonical;
}

/** @returns `stored` undefined where the folder has no store of the task. */
export async function taskContents(
  { task, changelog }: ChangelogTask,
  options: TaskContentsOptions,
): Promise<{ readonly folded: RestoredContent; readonly stored: RestoredContent | undefined }> {
  const { directory, tombstoneRetentionMs } = options;
  const read = (engine: StateEngine): Promise<RestoredContent> =>
    restoredContent(engine, { ...options, changelog });
  const folded = await read(new MemoryEngine());
  const rules = { topicId: changelog.topicId, ageMaxMs: tombstoneRetentionMs / 2 };
  const isHere = isStoreHere(directory, task);
  const stored = isHere ? await read(await directory.openEngine(task, rules)) : undefined;
  return { folded, stored };
}
