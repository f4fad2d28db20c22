/** The content of each of the guard's tasks as its changelog says, as `state verify` hashes it. */
import { MemoryEngine } from '../../../stores/memory-engine.ts';
import type { KafkaPort, Topology } from '../../../streams/index.ts';
import type { TaskHash } from '../../../streams/replay-mark.ts';
import { hashOfContent } from '../../verify/content.ts';
import { restoredContent } from '../../verify/restored-content.ts';
import { changelogTasks } from '../../verify/task-contents.ts';
import { asItIs } from '../../verify/verify-guard.ts';
import type { ReplayParts } from '../replayed-application.ts';

export interface GuardHashesOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly topology: Topology;
  readonly applicationId: string;
}

/** @throws TOPIC_MISSING when it has never run. */
export async function guardHashes(options: GuardHashesOptions): Promise<readonly TaskHash[]> {
  const { topology, signal, progress } = options;
  const hashes: TaskHash[] = [];
  for (const subTopology of topology.subTopologies) {
    if (subTopology.stores.length === 0) continue;
    for (const { task, changelog } of await changelogTasks(subTopology, options)) {
      signal.throwIfAborted();
      progress(`replay: hash of ${task}`);
      const restored = { ...options, subTopology, changelog, canonical: asItIs };
      const { content } = await restoredContent(new MemoryEngine(), restored);
      hashes.push({ task, entries: content.size, hash: hashOfContent(content) });
    }
  }
  return hashes;
}
