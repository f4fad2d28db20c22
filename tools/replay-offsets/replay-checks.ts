/** What stands in the way of a replay: each refusal says what to do about it. Nothing is changed. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { DescribedMember, KafkaPort } from '../../streams/kafka/port.ts';
import type { BegunReplay } from '../../streams/replay-mark.ts';

// The session of a replay's own member is six seconds; of an instance by default ten.
const deadMemberMaxMs = 20_000;
const pollMs = 500;

/** @throws PRECONDITION_FAILED naming who is alive, and where. */
export async function checkStopped(port: KafkaPort, groupId: string): Promise<void> {
  const members = await port.admin.groupMembers(groupId);
  if (members.length === 0) return;
  throw refused(
    `group ${groupId} has ${members.length} live member(s): ${named(members)}; stop every instance and ` +
      'run it again (one that was killed is a member until its session is over, ten seconds)',
  );
}

/** The same for a replay that goes on: what may be left of the run that was killed is waited for. */
export async function waitUntilStopped(
  port: KafkaPort,
  groupId: string,
  {
    clock,
    signal,
    progress,
  }: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly progress: (line: string) => void;
  },
): Promise<void> {
  const untilMs = clock.monotonicMs() + deadMemberMaxMs;
  let isTold = false;
  while ((await port.admin.groupMembers(groupId)).length > 0 && clock.monotonicMs() < untilMs) {
    if (!isTold) progress('replay: waiting for the session of the run that was killed to end');
    isTold = true;
    await clock.sleep(pollMs, signal);
    signal.throwIfAborted();
  }
  await checkStopped(port, groupId);
}

/** The replay's own member is to be the only one. */
export function checkAlone(groupId: string, members: readonly DescribedMember[]): void {
  if (members.length <= 1) return;
  throw refused(
    `an instance of ${groupId} was started meanwhile (${named(members)}): stop it and run the same command again`,
  );
}

/** A replay that was begun is ended as it was begun. */
export function checkSame(applicationId: string, begun: BegunReplay, asked: string): void {
  if (begun.asked === asked) return;
  throw refused(
    `a replay of ${applicationId} that was begun at ${begun.at} is not complete: run that one to its end ` +
      `first (rollguard replay offsets ${begun.asked} --execute), then this one`,
  );
}

function named(members: readonly DescribedMember[]): string {
  return members
    .map(({ memberId, clientId, host }) => `${memberId} (client ${clientId}) on ${host}`)
    .join(', ');
}

function refused(why: string): RollguardError {
  return new RollguardError('PRECONDITION_FAILED', why);
}
