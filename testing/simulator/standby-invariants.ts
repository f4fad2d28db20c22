/** V6 for copies: what a standby shows is what its changelog says up to the position that it tells. */
import { formatTaskId } from '../../streams/task-id.ts';
import { changelogTopic, type Topology } from '../../streams/topology-builder.ts';
import type { InProcessKafka } from '../in-process-kafka.ts';
import { applicationId, type Machine } from './machine.ts';
import { contentOf, differences, foldedContent } from './store-content.ts';

interface Followed {
  readonly kafka: InProcessKafka;
  readonly topology: Topology;
  readonly machines: readonly Machine[];
}

export async function standbyViolations({
  kafka,
  topology,
  machines,
}: Followed): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const subTopology of topology.subTopologies) {
    const changelog = kafka.topic(changelogTopic(subTopology.name, applicationId));
    for (const [partition, log] of (changelog?.partitions ?? []).entries()) {
      for (const { index, streams } of machines) {
        const target = { subTopology: subTopology.name, partition };
        const owner = streams?.ownerOf(target);
        if (streams === undefined || owner?.hasStandbyHere !== true || owner.isHere) continue;
        let position = 0;
        const shown = await contentOf(subTopology, (store) => {
          const view = streams.query({ ...target, store, allowsStandby: true });
          position = view.position;
          return view.store;
        });
        const folded = await foldedContent(subTopology, log, wholeBefore(position, log));
        for (const difference of differences(shown, folded)) {
          const name = formatTaskId(target);
          violations.push(
            `V6: the standby of ${name} on machine ${index} at ${position}: ${difference}`,
          );
        }
      }
    }
  }
  return violations;
}

/** The end of the last transaction that lies before the position as a whole. */
function wholeBefore(position: number, log: ReturnType<InProcessKafka['log']>): number {
  return log.transactionEndBefore(position);
}
