/**
 * This instance's place in the consumer group: joins, keeps the heartbeat going in the background,
 * and says when the group moves. The heartbeat pauses while a join is under way: the broker waits for
 * the others then, and takes the join itself for a sign of life.
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
import { KnownOffsets } from './known-offsets.ts';
import { noOwners, readAnnouncement, type TaskOwners } from './task-owners.ts';

/** What a join brought. */
export interface Joined {
  readonly assignment: GroupAssignment;
  /** The group was in no generation between that and the one before: nobody else had what was ours. */
  readonly isNext: boolean;
}

/** stable: go on · rebalance: join again, go on meanwhile · lost: the group forgot us, drop everything first. */
export type MembershipStatus = 'stable' | 'rebalance' | 'lost';

export interface MembershipOptions {
  readonly member: GroupMember;
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something that only a person can mend: another process has our group instance id. */
  readonly fatal: (error: unknown) => void;
}

/** Whoever is fenced so often within so many session time-outs shares its id with another process. */
const fencedMax = 5;
const fencedSessions = 10;

export class Membership {
  readonly #options: MembershipOptions;
  #assignment: GroupAssignment | undefined;
  #owners: TaskOwners = noOwners;
  readonly #known = new KnownOffsets();
  #status: MembershipStatus = 'rebalance';
  /** Wall-clock time at which the last request was sent that the group answered with our membership. */
  #confirmedAtMs = 0;
  #joining: Promise<Joined> | undefined;
  /** Monotonic; when another process had our group instance id, lately. */
  #fencedMs: number[] = [];
  #heartbeats: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get status(): MembershipStatus {
    return this.#status;
  }

  /** A join is under way: the group gathers. */
  get isJoining(): boolean {
    return this.#joining !== undefined;
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

  /** -1: it never joined. */
  get generationId(): number {
    return this.#assignment?.generationId ?? -1;
  }

  /** Who runs and who follows what, as the leader of this generation said. */
  get owners(): TaskOwners {
    return this.#owners;
  }

  /** Concurrent callers share one join. */
  join(): Promise<Joined> {
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  /**
   * The generation after the one of a commit that was refused: what the join under way brings, or has
   * brought meanwhile. Undefined: there is none in which what was ours stayed ours.
   */
  async generationAfter(refused: GroupAssignment): Promise<GroupAssignment | undefined> {
    await this.#joining?.catch(() => undefined);
    const now = this.#assignment;
    if (this.#status === 'lost' || now === undefined) return undefined;
    return now !== refused && isNext(refused, now) ? now : undefined;
  }

  /** Has the group deal the tasks out again, since this instance has something new to report. */
  requestRejoin(): void {
    if (this.#status === 'stable') this.#status = 'rebalance';
  }

  /** Asks the group now, e.g. whether a fenced task is still ours. */
  async refresh(): Promise<MembershipStatus> {
    if (this.#joining !== undefined) {
      await this.#joining.catch(() => undefined);
      return this.#status;
    }
    const sentAtMs = this.#options.clock.nowMs();
    const asked = this.#assignment;
    try {
      const answer = await this.#options.member.heartbeat();
      this.#confirmedAtMs = Math.max(this.#confirmedAtMs, sentAtMs);
      if (this.#status === 'stable') this.#status = answer;
    } catch (error) {
      if (isRollguardError(error, 'INSTANCE_FENCED')) this.#fenced(error);
      if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
      // Of a generation that a join has left behind meanwhile it says nothing.
      if (this.#assignment === asked && !this.isJoining) this.#status = 'lost';
    }
    return this.#status;
  }

  /** @throws KAFKA_UNAVAILABLE for offsets of before those that the group is known to have */
  async committedOffsets(
    partitions: readonly TopicPartition[],
  ): Promise<readonly PartitionOffset[]> {
    const answered = await this.#options.member.committedOffsets(partitions);
    this.#known.check(partitions, answered);
    return answered;
  }

  /** The group has these offsets now. */
  committed(offsets: readonly PartitionOffset[]): void {
    this.#known.reached(offsets);
  }

  /** Gives the place up; with `keepsPlace` it is kept until the session ends. */
  async leave({ keepsPlace } = { keepsPlace: false }): Promise<void> {
    await this.#stopHeartbeats();
    const joining = this.#joining;
    if (this.#assignment === undefined && joining === undefined) return;
    this.#assignment = undefined;
    await this.#options.member.leave({ keepsPlace });
    await joining?.catch(() => undefined);
    // The join had its answer before it heard of the leave.
    await this.#stopHeartbeats();
    this.#assignment = undefined;
  }

  async #join(): Promise<Joined> {
    await this.#stopHeartbeats();
    const { clock, member } = this.#options;
    const sentAtMs = clock.nowMs();
    const before = this.#status === 'lost' ? undefined : this.#assignment;
    const assignment = await member.join().catch((error: unknown) => {
      if (isRollguardError(error, 'INSTANCE_FENCED')) this.#fenced(error);
      throw error;
    });
    this.#assignment = assignment;
    this.#owners = readAnnouncement(assignment.userData);
    this.#confirmedAtMs = sentAtMs;
    this.#status = 'stable';
    const stop = new AbortController();
    this.#heartbeats = { stop, done: this.#heartbeat(stop.signal) };
    return { assignment, isNext: before !== undefined && isNext(before, assignment) };
  }

  /**
   * Somebody came with our group instance id: perhaps a join of our own that arrived late, so the place is
   * taken back. Two processes with one id would do that to each other for ever: one of them gives up.
   */
  #fenced(error: unknown): void {
    const { clock, sessionTimeoutMs, fatal } = this.#options;
    const nowMs = clock.monotonicMs();
    const sinceMs = nowMs - fencedSessions * sessionTimeoutMs;
    this.#fencedMs = [...this.#fencedMs.filter((ms) => ms > sinceMs), nowMs];
    this.#status = 'lost';
    if (this.#fencedMs.length >= fencedMax) fatal(error);
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
  const generations = after.generationId - before.generationId;
  return after.memberId === before.memberId && (generations === 0 || generations === 1);
}
