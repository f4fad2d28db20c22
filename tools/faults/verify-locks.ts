/** The lock verifier over the guard's events, read committed, and what all callers were answered. */
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { GuardCallers } from '../load/guard-callers.ts';
import { keyOf, type SampleType } from '../load/sample-rooms.ts';
import { LockVerifier } from '../verify/lock-verifier.ts';

const eventsTopic = 'inventory.events.shadow';

export interface VerifyLocksOptions {
  readonly port: KafkaPort;
  readonly types: readonly SampleType[];
  readonly callers: Pick<GuardCallers, 'grants' | 'conflicts' | 'releases'>;
  /** What callers were told that cannot be right, as they found themselves. */
  readonly lies: readonly string[];
  /** How far apart the clocks of callers and owners may be; undefined: they are one machine's. */
  readonly clockDoubtMs?: number | undefined;
}

export async function verifyLocks(options: VerifyLocksOptions): Promise<LockVerifier> {
  const { port, types, callers, lies, clockDoubtMs } = options;
  const capacity = types.map((type) => [keyOf(type), type.roomIds.length] as const);
  const verifier = new LockVerifier(new Map(capacity), clockDoubtMs);
  const ours = new Set<string>(capacity.map(([key]) => key));
  await readRanges(port, await wholeTopics(port, [eventsTopic]), ({ key, value }) => {
    if (value !== null && ours.has(String(key))) verifier.add(value);
    return true;
  });
  verifier.check(callers.grants);
  verifier.checkReleases(callers.releases);
  verifier.checkConflicts(callers.conflicts);
  for (const lie of lies) verifier.report(lie);
  return verifier;
}
