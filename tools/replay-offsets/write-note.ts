/** Notes of a replay that go with nothing else; the one that goes with the offsets is in their transaction. */
import type { Clock } from '../../kernel/clock.ts';
import type { TransactionalProducer } from '../../streams/kafka/port.ts';
import { replayNoteBatch, type ReplayNote } from '../../streams/replay-mark.ts';

/** Resolves when it is committed. */
export async function writeNote(
  note: ReplayNote,
  producer: TransactionalProducer,
  { applicationId, clock }: { readonly applicationId: string; readonly clock: Clock },
): Promise<void> {
  await producer.produce([replayNoteBatch(applicationId, note, clock.nowMs())]);
  await producer.commit();
}
