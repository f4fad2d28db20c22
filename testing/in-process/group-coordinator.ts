/**
 * One consumer group, as the broker's coordinator has it (classic protocol): members join, the first
 * one's assignor decides, a change is told through heartbeats, a silent member is dropped. A static
 * member that comes back within its session gets what it had, and nobody else hears of it.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type {
  GroupAssignment,
  GroupOptions,
  GroupShare,
  PartitionOffset,
  TopicPartition,
} from '../../streams/kafka/port.ts';

interface Joining {
  readonly done: (assignment: GroupAssignment) => void;
  readonly replaced: (error: RollguardError) => void;
}

interface Member {
  id: string;
  readonly options: GroupOptions;
  userData: Buffer;
  share: GroupShare;
  lastSeenMs: number;
  /** Set while the member waits in a join. */
  joining: Joining | undefined;
}

/** Who asks: the member id, and the group instance id of a static member. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly groupInstanceId?: string | undefined;
}

/** Told of a committed offset that is lower than the one before. */
export type OffsetSetBack = (committed: PartitionOffset, before: number) => void;

export class GroupCoordinator {
  readonly #clock: Clock;
  readonly #groupId: string;
  readonly #onSetBack: OffsetSetBack;
  #members = new Map<string, Member>();
  readonly #committed = new Map<string, PartitionOffset>();
  /** Partitions with offsets in open transactions, and in how many. */
  readonly #pending = new Map<string, number>();
  #generation = 0;
  /** Aborted when the rebalance under way is complete: nobody waits for stragglers any more. */
  #settled = listenedTo();
  #isRebalancing = false;
  #nextMember = 1;

  constructor(groupId: string, clock: Clock, onSetBack: OffsetSetBack) {
    this.#groupId = groupId;
    this.#clock = clock;
    this.#onSetBack = onSetBack;
  }

  get generationId(): number {
    return this.#generation;
  }

  /** `joined` resolves when every member of the group has joined, or was dropped for not doing so. */
  join(
    memberId: string | undefined,
    options: GroupOptions,
    userData: Buffer,
  ): { readonly memberId: string; readonly joined: Promise<GroupAssignment> } {
    this.expire();
    const { groupInstanceId } = options;
    const back = memberId === undefined ? this.#cameBack(groupInstanceId) : undefined;
    const known = memberId === undefined ? back : this.#find({ memberId, groupInstanceId });
    const member = known ?? this.#add(options);
    member.lastSeenMs = this.#clock.nowMs();
    const isSame = back !== undefined || (known !== undefined && member.userData.equals(userData));
    const isLeader = member === [...this.#members.values()][0];
    member.userData = userData;
    if (!this.#isRebalancing && isSame && (back !== undefined || !isLeader)) {
      return { memberId: member.id, joined: Promise.resolve(this.#assignmentOf(member)) };
    }
    this.#isRebalancing = true;
    // A broker leaves it to the client's time-out to notice; here it is told, to keep histories short.
    member.joining?.replaced(this.#illegal(`${member.id} has joined again`));
    const joined = new Promise<GroupAssignment>((resolve, reject) => {
      member.joining = { done: resolve, replaced: reject };
    });
    // Whoever asked may be gone.
    joined.catch(() => undefined);
    if (!this.#completeIfAllJoined()) {
      void this.#dropStragglers(options.rebalanceTimeoutMs);
      void this.#dropSilent(options.sessionTimeoutMs);
    }
    return { memberId: member.id, joined };
  }

  /** @throws ILLEGAL_GENERATION when the group has moved on without the member. */
  heartbeat(identity: MemberIdentity, generationId: number): 'stable' | 'rebalance' {
    this.check(identity, generationId);
    const member = this.#memberOf(identity);
    member.lastSeenMs = this.#clock.nowMs();
    return this.#isRebalancing ? 'rebalance' : 'stable';
  }

  leave(memberId: string): void {
    const leaving = this.#members.get(memberId);
    if (leaving === undefined) return;
    this.#members.delete(memberId);
    const message = `group ${this.#groupId}: the member left while it joined`;
    leaving.joining?.replaced(new RollguardError('ILLEGAL_STATE', message));
    this.#changed();
  }

  /** The second half of a join. @throws ILLEGAL_GENERATION when the group has moved on meanwhile. */
  sync(identity: MemberIdentity, generationId: number): void {
    this.check(identity, generationId);
    if (this.#isRebalancing) throw this.#illegal('the group rebalances again');
  }

  /** @throws ILLEGAL_GENERATION when the member is not part of the current generation. */
  check(identity: MemberIdentity, generationId: number): void {
    this.expire();
    this.#memberOf(identity);
    if (generationId !== this.#generation)
      throw this.#illegal(`generation ${generationId} is not current`);
  }

  /** Drops members whose session has timed out. */
  expire(): void {
    const nowMs = this.#clock.nowMs();
    for (const member of this.#members.values()) {
      const isSilent =
        member.joining === undefined && nowMs - member.lastSeenMs > member.options.sessionTimeoutMs;
      if (isSilent && this.#members.delete(member.id)) this.#changed();
    }
  }

  memberIds(): readonly string[] {
    this.expire();
    return [...this.#members.keys()];
  }

  hold(offsets: readonly PartitionOffset[]): void {
    for (const each of offsets)
      this.#pending.set(partitionName(each), (this.#pending.get(partitionName(each)) ?? 0) + 1);
  }

  /** Outside any transaction. */
  commit(offsets: readonly PartitionOffset[]): void {
    for (const each of offsets) this.#committed.set(partitionName(each), each);
  }

  release(offsets: readonly PartitionOffset[], committed: boolean): void {
    for (const each of offsets) {
      const count = (this.#pending.get(partitionName(each)) ?? 1) - 1;
      if (count === 0) this.#pending.delete(partitionName(each));
      else this.#pending.set(partitionName(each), count);
      if (!committed) continue;
      const before = this.#committed.get(partitionName(each))?.offset ?? 0;
      if (each.offset < before) this.#onSetBack(each, before);
      this.#committed.set(partitionName(each), each);
    }
  }

  /** Undefined while a transaction that moves one of them is open. */
  stableOffsets(partitions: readonly TopicPartition[]): readonly PartitionOffset[] | undefined {
    if (partitions.some((each) => this.#pending.has(partitionName(each)))) return undefined;
    return partitions.flatMap((each) => {
      const offset = this.#committed.get(partitionName(each));
      return offset === undefined ? [] : [offset];
    });
  }

  #add(options: GroupOptions): Member {
    const id = `${this.#groupId}-${this.#nextMember}`;
    this.#nextMember += 1;
    const nothing = Buffer.alloc(0);
    const member: Member = {
      ...{ id, options, userData: nothing, share: { partitions: [], userData: nothing } },
      ...{ lastSeenMs: this.#clock.nowMs(), joining: undefined },
    };
    this.#members.set(id, member);
    return member;
  }

  #changed(): void {
    if (this.#members.size === 0) {
      this.#isRebalancing = false;
      return;
    }
    this.#isRebalancing = true;
    this.#completeIfAllJoined();
  }

  /** @returns whether the group is stable now. */
  #completeIfAllJoined(): boolean {
    const members = [...this.#members.values()];
    const leader = members[0];
    if (leader === undefined || members.some((member) => member.joining === undefined))
      return false;
    this.#generation += 1;
    this.#isRebalancing = false;
    this.#settled.abort();
    this.#settled = listenedTo();
    const shares = leader.options.assignor(
      members.map(({ id, options: { groupInstanceId }, userData }) => {
        return { memberId: id, groupInstanceId, userData };
      }),
    );
    for (const member of members) {
      const joined = member.joining;
      member.joining = undefined;
      member.lastSeenMs = this.#clock.nowMs();
      member.share = shares.get(member.id) ?? { partitions: [], userData: Buffer.alloc(0) };
      joined?.done(this.#assignmentOf(member));
    }
    return true;
  }

  /** Nobody may ask for a while: whose session ends during a rebalance is dropped all the same. */
  async #dropSilent(sessionTimeoutMs: number): Promise<void> {
    const { signal } = this.#settled;
    // Again and again: a heartbeat that arrives late makes its sender live longer, not for ever.
    for (;;) {
      await this.#clock.sleep(sessionTimeoutMs + 1, signal);
      if (signal.aborted) return;
      this.expire();
    }
  }

  async #dropStragglers(rebalanceTimeoutMs: number): Promise<void> {
    const generation = this.#generation;
    await this.#clock.sleep(rebalanceTimeoutMs, this.#settled.signal);
    if (!this.#isRebalancing || this.#generation !== generation) return;
    for (const member of this.#members.values()) {
      if (member.joining === undefined) this.#members.delete(member.id);
    }
    this.#completeIfAllJoined();
  }

  /** A static member's new process takes the old one's place, under another id. */
  #cameBack(groupInstanceId: string | undefined): Member | undefined {
    const member = this.#instance(groupInstanceId);
    if (member === undefined) return undefined;
    member.joining?.replaced(this.#fenced(member.id));
    member.joining = undefined;
    member.id = `${this.#groupId}-${this.#nextMember}`;
    this.#nextMember += 1;
    // In its place: the first one leads.
    this.#members = new Map([...this.#members.values()].map((each) => [each.id, each]));
    return member;
  }

  #instance(groupInstanceId: string | undefined): Member | undefined {
    if (groupInstanceId === undefined) return undefined;
    return [...this.#members.values()].find(
      ({ options }) => options.groupInstanceId === groupInstanceId,
    );
  }

  /** @throws INSTANCE_FENCED when another process has the place. */
  #find({ memberId, groupInstanceId }: MemberIdentity): Member | undefined {
    const member = this.#members.get(memberId);
    const holder = this.#instance(groupInstanceId);
    if (holder !== undefined && holder !== member) throw this.#fenced(memberId);
    return member;
  }

  #memberOf(identity: MemberIdentity): Member {
    const member = this.#find(identity);
    if (member === undefined) throw this.#illegal(`member ${identity.memberId} is unknown`);
    return member;
  }

  #assignmentOf({ id, options: { groupInstanceId }, share }: Member): GroupAssignment {
    return { memberId: id, generationId: this.#generation, groupInstanceId, ...share };
  }

  #fenced(memberId: string): RollguardError {
    const message = `group ${this.#groupId}: another process has the place of ${memberId}`;
    return new RollguardError('INSTANCE_FENCED', message);
  }

  #illegal(why: string): RollguardError {
    return new RollguardError('ILLEGAL_GENERATION', `group ${this.#groupId}: ${why}`);
  }
}

/** Any number of joins wait for the end of one rebalance. */
function listenedTo(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
