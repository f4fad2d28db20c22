/**
 * Whether the stores of a further state folder are what their changelogs say. An instance that lost a task
 * keeps what it had of it: that is older, and has to be, brought up to the changelog's end as a start would
 * do, what the changelog says.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { noMetrics } from '../../kernel/metrics.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { StateDirectory } from '../../stores/state-directory.ts';
import type { StateEngine } from '../../stores/state-engine.ts';
import { formatTaskId } from '../../streams/task-id.ts';
import { changelogTopic, type SubTopology } from '../../streams/topology-builder.ts';
import { differingKeys, hashOfContent, type Canonical } from './content.ts';
import { restoredContent } from './restored-content.ts';
import type { TaskReport, VerifyOptions } from './verify-state.ts';

export type StoreReport = Omit<TaskReport, 'recomputed'>;

export type VerifyStoresOptions = VerifyOptions & { readonly canonical: Canonical };

const differingMax = 5;

/** Those that are there. @throws STATE_LOCKED while the application runs. */
export async function verifyStores(options: VerifyStoresOptions): Promise<readonly StoreReport[]> {
  const { topology, stateDir, applicationId, clock, logger } = options;
  const directory = await StateDirectory.open({
    ...{ stateDir, applicationId, clock, logger, metrics: noMetrics },
  });
  try {
    const reports: StoreReport[] = [];
    for (const subTopology of topology.subTopologies) {
      if (subTopology.stores.length === 0) continue;
      reports.push(...(await verifySubTopology(subTopology, directory, options)));
    }
    return reports;
  } finally {
    await directory.close();
  }
}

async function verifySubTopology(
  subTopology: SubTopology,
  directory: StateDirectory,
  options: VerifyStoresOptions,
): Promise<readonly StoreReport[]> {
  const { port, applicationId, tombstoneRetentionMs, progress } = options;
  const topic = changelogTopic(subTopology.name, applicationId);
  const [description] = await port.admin.describeTopics([topic]);
  if (description === undefined) {
    throw new RollguardError('TOPIC_MISSING', `there is no changelog ${topic}; has it ever run?`);
  }
  const { topicId, partitionCount } = description;
  const rules = { topicId, ageMaxMs: tombstoneRetentionMs / 2 };
  const reports: StoreReport[] = [];
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const task = formatTaskId({ subTopology: subTopology.name, partition });
    if (!existsSync(path.join(directory.folder, task))) continue;
    progress(`verify: ${task} of ${path.basename(options.stateDir)}`);
    const changelog = { topic, topicId, partition };
    const read = (engine: StateEngine) =>
      restoredContent(engine, { ...options, subTopology, changelog });
    const folded = await read(new MemoryEngine());
    const stored = await read(await directory.openEngine(task, rules));
    reports.push({
      task,
      entries: folded.content.size,
      store: hashOfContent(stored.content),
      changelog: hashOfContent(folded.content),
      tailRecords: stored.tailRecords,
      differing: differingKeys(stored.content, folded.content).slice(0, differingMax),
    });
  }
  return reports;
}
