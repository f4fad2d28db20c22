/** Whether a topology can have the guarantee that its settings ask for. */
import { RollguardError } from '../kernel/errors.ts';
import type { StreamsConfig } from './streams-config.ts';
import type { Topology } from './topology-builder.ts';

/** @throws CONFIG_INVALID: a call is answered by a commit that made everything durable at once: only a transaction does. */
export function checkGuarantee(
  { subTopologies }: Topology,
  { processingGuarantee }: StreamsConfig,
): void {
  if (processingGuarantee === 'exactly-once') return;
  for (const { name, processors } of subTopologies) {
    const node = processors.find(({ answersCalls }) => answersCalls);
    if (node === undefined) continue;
    throw new RollguardError(
      'CONFIG_INVALID',
      `streams option 'processingGuarantee': processor '${node.name}' of '${name}' answers calls, ` +
        "which needs 'exactly-once'",
    );
  }
}
