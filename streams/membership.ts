/**
 * This instance's place in the consumer group: joins, keeps the heartbeat going in the background,
 * and says when the group moves. The heartbeat pauses while a join is under way.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type {
  GroupAssignment,
  GroupMember,
  PartitionOffset,
  TopicPartition,
} from './kafka/port.ts';
import { readOwners } from './task-owners.ts';

/** What a join brought. */
export interface Joined {
  readonly assignment: GroupAssignment;
  /** The group was in no generation between that and the one before: nobody else had what was ours. */
  readonly isNext: boolean;
}

/** stable: go on · rebalance: commit and join again · lost: the group forgot us, drop everything first. */
export type MembershipStatus = 'stable' | 'rebalance' | 'lost';

export interface MembershipOptions {
  readonly member: GroupMember;
  readonly heartbeatIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Membership {
  readonly #options: MembershipOptions;
  #assignment: GroupAssignment | undefined;
  #owners: ReadonlyMap<string, string> = new Map();
  #status: MembershipStatus = 'rebalance';
  /** Wall-clock time at which the last request was sent that the group answered with our membership. */
  #confirmedAtMs = 0;
  #heartbeats: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get status(): MembershipStatus {
    return this.#status;
  }

  /** When the group last confirmed this instance, by the wall clock; 0: never. */
  get confirmedAtMs(): number {
    return this.#confirmedAtMs;
  }

  /** The current generation; what every commit carries. */
  get assignment(): GroupAssignment {
    if (this.#assignment === undefined) {
      throw new RollguardError('ILLEGAL_GENERATION', 'this instance has not joined the group yet');
    }
    return this.#assignment;
  }

  /** Address by task, as the leader of this generation said. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  async join(): Promise<Joined> {
    await this.#stopHeartbeats();
    const sentAtMs = this.#options.clock.nowMs();
    const before = this.#assignment;
    const assignment = await this.#options.member.join();
    this.#assignment = assignment;
    this.#owners = readOwners(assignment.userData);
    this.#confirmedAtMs = sentAtMs;
    this.#status = 'stable';
    const stop = new AbortController();
    this.#heartbeats = { stop, done: this.#heartbeat(stop.signal) };
    return { assignment, isNext: before !== undefined && isNext(before, assignment) };
  }

  /** Asks the group now, e.g. whether a fenced task is still ours. */
  async refresh(): Promise<MembershipStatus> {
    const sentAtMs = this.#options.clock.nowMs();
    try {
      const answer = await this.#options.member.heartbeat();
      this.#confirmedAtMs = sentAtMs;
      if (this.#status === 'stable') this.#status = answer;
    } catch (error) {
      if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
      this.#status = 'lost';
    }
    return this.#status;
  }

  committedOffsets(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
    return this.#options.member.committedOffsets(partitions);
  }

  async leave(): Promise<void> {
    await this.#stopHeartbeats();
    if (this.#assignment === undefined) return;
    this.#assignment = undefined;
    await this.#options.member.leave();
  }

  async #heartbeat(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatIntervalMs, logger } = this.#options;
    for (;;) {
      await clock.sleep(heartbeatIntervalMs, signal);
      if (signal.aborted || this.#status !== 'stable') return;
      await this.refresh().catch((error: unknown) => logger.warn('heartbeat failed', { error }));
    }
  }

  async #stopHeartbeats(): Promise<void> {
    this.#heartbeats?.stop.abort();
    await this.#heartbeats?.done;
    this.#heartbeats = undefined;
  }
}

/** Member ids count too: a group that was forgotten as a whole numbers its generations anew. */
function isNext(before: GroupAssignment, after: GroupAssignment): boolean {
  return after.memberId === before.memberId && after.generationId === before.generationId + 1;
}
