/** The ledgers of some tenants as an application keeps them, by partition, read from its changelog. */
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { Topology } from '../../streams/topology-builder.ts';
import { canonicalEntries } from '../../topology/roll/roll-canonical.ts';
import { rollSubTopologies } from '../../topology/roll/roll-topology.ts';
import { hashOfContent } from '../../tools/verify/content.ts';
import { restoredContent } from '../../tools/verify/restored-content.ts';
import { changelogTasks } from '../../tools/verify/task-contents.ts';

export interface LedgerHash {
  readonly ledgers: number;
  readonly hash: string;
}

/** Entries and what they add to the days: no positions, no times of writing. */
export async function ledgerHashes(
  port: KafkaPort,
  application: { readonly topology: Topology; readonly applicationId: string },
  tenantIds: readonly string[],
): Promise<readonly LedgerHash[]> {
  const { topology, applicationId } = application;
  const subTopology = topology.subTopologies.find(({ name }) => name === rollSubTopologies.ledger);
  if (subTopology === undefined) throw new Error('no ledgers');
  const hashes: LedgerHash[] = [];
  for (const { changelog } of await changelogTasks(subTopology, { port, applicationId })) {
    const { content } = await restoredContent(new MemoryEngine(), {
      ...{ subTopology, changelog, canonical: canonicalEntries, port, clock: systemClock },
      ...{ logger: silentLogger, signal: new AbortController().signal },
    });
    const ours = [...content].filter(([key]) => tenantIds.some((id) => key.includes(id)));
    hashes.push({ ledgers: ours.length, hash: hashOfContent(new Map(ours)) });
  }
  return hashes;
}
