/**
 * Membership in a consumer group by the classic protocol. The coordinator chooses one member as
 * leader; it runs the assignor and hands everyone's share to the coordinator. The caller heartbeats.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import { brokerErrorCode } from './error-reactions.ts';
import { askCoordinator, type KafkaClient } from './kafka-client.ts';
import type { KeepAlive } from './keep-alive.ts';
import type {
  GroupAssignment,
  GroupMember,
  GroupOptions,
  PartitionOffset,
  TopicPartition,
} from './port.ts';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './protocol/consumer-protocol.ts';
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
  type JoinGroupResponse,
} from './protocol/group-messages.ts';
import type { Message } from './protocol/message.ts';
import { offsetFetchRequest } from './protocol/offset-fetch.ts';
import type { GroupGeneration } from './protocol/transaction-messages.ts';

// The assignor's name in the group; all members must offer the same.
const protocolName = 'rollguard';
// A join that others keep disturbing is given up after so many rounds.
const joinRoundsMax = 20;

type WithError = { readonly errorCode: number };

export interface GroupMemberOptions {
  readonly client: KafkaClient;
  /** Opens the member's own connections: a join blocks them for as long as the group gathers. */
  readonly openPool: () => BrokerPool;
  readonly group: GroupOptions;
  readonly keepAlive: KeepAlive;
}

export class KafkaGroupMember implements GroupMember {
  readonly #client: KafkaClient;
  readonly #openPool: () => BrokerPool;
  readonly #group: GroupOptions;
  readonly #keepAlive: KeepAlive;
  /** Replaced when the member leaves: what is still under way on the one before ends then. */
  #pool: BrokerPool;
  #isJoining = false;
  #memberId = '';
  /** Undefined while not joined. */
  #generationId: number | undefined;

  constructor(options: GroupMemberOptions) {
    this.#client = options.client;
    this.#openPool = options.openPool;
    this.#pool = options.openPool();
    this.#group = options.group;
    this.#keepAlive = options.keepAlive;
  }

  async join(): Promise<GroupAssignment> {
    this.#keepAlive.left();
    this.#isJoining = true;
    const pool = this.#pool;
    try {
      return await this.#joinBy(pool);
    } finally {
      this.#isJoining = false;
    }
  }

  async #joinBy(pool: BrokerPool): Promise<GroupAssignment> {
    for (let round = 0; round < joinRoundsMax; round += 1) {
      try {
        return await this.#joinOnce(pool);
      } catch (error) {
        if (isRollguardError(error, 'INSTANCE_FENCED')) this.#memberId = '';
        // The group moved on while we joined: it forgot us, or another member came or went.
        if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
        this.#forgetIfUnknown(error);
      }
    }
    throw new RollguardError(
      'KAFKA_UNAVAILABLE',
      `group ${this.#group.groupId}: no stable generation after ${joinRoundsMax} joins; do members come and go?`,
    );
  }

  async heartbeat(): Promise<'stable' | 'rebalance'> {
    const generation = this.#generation('heartbeat');
    this.#keepAlive.beat();
    try {
      await this.#ask('heartbeat', heartbeatRequest(generation), (answer) => [answer]);
      return 'stable';
    } catch (error) {
      if (kafkaCode(error) === brokerErrorCode.rebalanceInProgress) return 'rebalance';
      // A join may have brought the next generation meanwhile.
      if (generation.generationId === this.#generationId) this.#forgetIfUnknown(error);
      // The next join takes the place back.
      if (isRollguardError(error, 'INSTANCE_FENCED')) this.#memberId = '';
      throw error;
    }
  }

  async committedOffsets(
    partitions: readonly TopicPartition[],
  ): Promise<readonly PartitionOffset[]> {
    if (partitions.length === 0) return [];
    const message = offsetFetchRequest(this.#group.groupId, partitions);
    const answer = await this.#ask('committed offsets', message, (response) => [
      response,
      ...response.partitions,
    ]);
    return answer.partitions
      .filter(({ offset }) => offset >= 0)
      .map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  }

  /** A join under way ends with ILLEGAL_STATE. */
  async leave({ keepsPlace = false } = {}): Promise<void> {
    this.#keepAlive.left();
    // The broker answers a connection's requests one after another: it would hear of this after the join.
    if (this.#isJoining) await this.#replacePool();
    const memberId = this.#memberId;
    this.#memberId = '';
    this.#generationId = undefined;
    if (memberId !== '' && !keepsPlace) {
      const { groupId, groupInstanceId } = this.#group;
      const message = leaveGroupRequest(groupId, { memberId, groupInstanceId });
      await this.#ask('leave', message, (answer) => [answer]).catch((error: unknown) => {
        // The group has forgotten the member already.
        if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
      });
    }
    await this.#replacePool();
  }

  async #replacePool(): Promise<void> {
    const before = this.#pool;
    this.#pool = this.#openPool();
    await before.close();
  }

  async #joinOnce(pool: BrokerPool): Promise<GroupAssignment> {
    const joined = await this.#joinGroup(pool);
    if (pool !== this.#pool) throw this.#leftMeanwhile();
    this.#memberId = joined.memberId;
    const { groupId, groupInstanceId } = this.#group;
    const { memberId, generationId } = joined;
    const generation = { groupId, memberId, generationId, groupInstanceId };
    const isLeader = joined.leaderId === joined.memberId;
    const shares = isLeader ? this.#assign(joined) : [];
    const synced = await this.#ask(
      'sync',
      syncGroupRequest(generation, shares),
      (answer) => [answer],
      { pool, timeoutMs: this.#gatheringMs },
    );
    if (pool !== this.#pool) throw this.#leftMeanwhile();
    this.#generationId = joined.generationId;
    this.#keepAlive.joined(generation);
    return { ...generation, ...decodeAssignment(synced.assignment) };
  }

  async #joinGroup(pool: BrokerPool): Promise<JoinGroupResponse> {
    const { groupId, groupInstanceId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#group;
    const userData = this.#group.userData();
    const request = joinGroupRequest({
      groupId,
      memberId: this.#memberId,
      groupInstanceId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolName,
      metadata: encodeSubscription({ topics, userData }),
    });
    // A newcomer is told its member id and asked to come again with it.
    const errorsOf = (answer: JoinGroupResponse): readonly WithError[] => {
      if (answer.errorCode === brokerErrorCode.memberIdRequired) this.#memberId = answer.memberId;
      return [answer];
    };
    return this.#ask('join', request, errorsOf, { pool, timeoutMs: this.#gatheringMs });
  }

  /** The coordinator waits for every member's join, and then for the leader's sync. */
  get #gatheringMs(): number {
    return this.#group.rebalanceTimeoutMs + this.#client.requestTimeoutMs;
  }

  #assign(joined: JoinGroupResponse): [memberId: string, assignment: Buffer][] {
    const members = joined.members.map(({ metadata, ...member }) => ({
      ...member,
      userData: decodeSubscription(metadata).userData,
    }));
    const shares = this.#group.assignor(members);
    return members.map(({ memberId }) => [
      memberId,
      encodeAssignment(shares.get(memberId) ?? { partitions: [], userData: Buffer.alloc(0) }),
    ]);
  }

  #leftMeanwhile(): RollguardError {
    const { groupId } = this.#group;
    return new RollguardError('ILLEGAL_STATE', `group ${groupId}: the member left while it joined`);
  }

  #generation(call: string): GroupGeneration {
    const { groupId, groupInstanceId } = this.#group;
    if (this.#generationId === undefined) {
      throw new RollguardError('ILLEGAL_GENERATION', `group ${groupId}: ${call} before join`);
    }
    const [memberId, generationId] = [this.#memberId, this.#generationId];
    return { groupId, memberId, generationId, groupInstanceId };
  }

  #forgetIfUnknown(error: unknown): void {
    if (!isRollguardError(error, 'ILLEGAL_GENERATION')) return;
    this.#generationId = undefined;
    this.#keepAlive.left();
    if (kafkaCode(error) === brokerErrorCode.unknownMemberId) this.#memberId = '';
  }

  #ask<Response>(
    what: string,
    message: Message<Response>,
    errorsOf: (response: Response) => readonly WithError[],
    { pool = this.#pool, timeoutMs = this.#client.requestTimeoutMs } = {},
  ): Promise<Response> {
    const { groupId } = this.#group;
    return askCoordinator(this.#client, {
      pool,
      kind: 'group',
      key: groupId,
      what: `group ${groupId}: ${what}`,
      message,
      errorsOf,
      sendOnce: false,
      timeoutMs,
    });
  }
}

function kafkaCode(error: unknown): unknown {
  return isRollguardError(error) ? error.context['kafkaErrorCode'] : undefined;
}
