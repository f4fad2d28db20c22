/** JoinGroup, SyncGroup, Heartbeat, LeaveGroup of the classic group protocol; a member may be static. */
import type { ByteReader } from './byte-reader.ts';
import type { Api, Message } from './message.ts';
import type { GroupGeneration } from './transaction-messages.ts';

export interface JoinGroupRequest {
  readonly groupId: string;
  /** Empty: the coordinator gives one. */
  readonly memberId: string;
  readonly groupInstanceId: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolName: string;
  /** The encoded subscription. */
  readonly metadata: Buffer;
}

export interface JoinedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | undefined;
  readonly metadata: Buffer;
}

export interface JoinGroupResponse {
  readonly errorCode: number;
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  /** Told to the leader only. */
  readonly members: readonly JoinedMember[];
}

export interface SyncGroupResponse {
  readonly errorCode: number;
  readonly assignment: Buffer;
}

const join: Api = { key: 11, name: 'JoinGroup', minVersion: 5, maxVersion: 5, flexible: false };
const sync: Api = { key: 14, name: 'SyncGroup', minVersion: 3, maxVersion: 3, flexible: false };
const beat: Api = { key: 12, name: 'Heartbeat', minVersion: 3, maxVersion: 3, flexible: false };
const leave: Api = { key: 13, name: 'LeaveGroup', minVersion: 3, maxVersion: 3, flexible: false };
// Kafka's tools show members of this protocol type with topics and partitions.
const protocolType = 'consumer';

export function joinGroupRequest(request: JoinGroupRequest): Message<JoinGroupResponse> {
  return {
    api: join,
    encode: (writer) => {
      writer.string(request.groupId);
      writer.int32(request.sessionTimeoutMs);
      writer.int32(request.rebalanceTimeoutMs);
      writer.string(request.memberId);
      writer.nullableString(request.groupInstanceId ?? null);
      writer.string(protocolType);
      writer.array([request], ({ protocolName, metadata }) => {
        writer.string(protocolName);
        writer.bytes(metadata);
      });
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const errorCode = reader.int16();
      const generationId = reader.int32();
      reader.nullableString(); // protocol name
      const leaderId = reader.string();
      const memberId = reader.string();
      const members = reader.array(() => readMember(reader));
      return { errorCode, generationId, leaderId, memberId, members };
    },
  };
}

function readMember(reader: ByteReader): JoinedMember {
  const memberId = reader.string();
  const groupInstanceId = reader.nullableString() ?? undefined;
  return { memberId, groupInstanceId, metadata: reader.bytes() };
}

export function syncGroupRequest(
  group: GroupGeneration,
  assignments: readonly (readonly [memberId: string, assignment: Buffer])[],
): Message<SyncGroupResponse> {
  return {
    api: sync,
    encode: (writer) => {
      writer.string(group.groupId);
      writer.int32(group.generationId);
      writer.string(group.memberId);
      writer.nullableString(group.groupInstanceId ?? null);
      writer.array(assignments, ([memberId, assignment]) => {
        writer.string(memberId);
        writer.bytes(assignment);
      });
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return { errorCode: reader.int16(), assignment: reader.bytes() };
    },
  };
}

export function heartbeatRequest(group: GroupGeneration): Message<{ readonly errorCode: number }> {
  return {
    api: beat,
    encode: (writer) => {
      writer.string(group.groupId);
      writer.int32(group.generationId);
      writer.string(group.memberId);
      writer.nullableString(group.groupInstanceId ?? null);
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return { errorCode: reader.int16() };
    },
  };
}

export function leaveGroupRequest(
  groupId: string,
  member: Pick<JoinedMember, 'memberId' | 'groupInstanceId'>,
): Message<{ readonly errorCode: number }> {
  return {
    api: leave,
    encode: (writer) => {
      writer.string(groupId);
      writer.array([member], ({ memberId, groupInstanceId }) => {
        writer.string(memberId);
        writer.nullableString(groupInstanceId ?? null);
      });
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return { errorCode: reader.int16() };
    },
  };
}
