/**
 * Whether the stores of a further state folder are what their changelogs say. An instance that lost a task
 * keeps what it had of it: that is older, and has to be, brought up to the changelog's end as a start would
 * do, what the changelog says.
 */
import path from 'node:path';
import { noMetrics } from '../../kernel/metrics.ts';
import { assert } from '../../kernel/assert.ts';
import { StateDirectory } from '../../stores/state-directory.ts';
import type { SubTopology } from '../../streams/topology-builder.ts';
import { differingKeys, hashOfContent, type Canonical } from './content.ts';
import { changelogTasks, isStoreHere, taskContents } from './task-contents.ts';
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
  const reports: StoreReport[] = [];
  for (const place of await changelogTasks(subTopology, options)) {
    const { task } = place;
    if (!isStoreHere(directory, task)) continue;
    options.progress(`verify: ${task} of ${path.basename(options.stateDir)}`);
    const { folded, stored } = await taskContents(place, { ...options, subTopology, directory });
    assert(stored !== undefined, `${task} has a store`);
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
