/** DescribeGroups: who is in a group now. A group that does not exist has no members. */
import type { Api, Message } from './message.ts';

export interface DescribedGroup {
  readonly errorCode: number;
  readonly memberIds: readonly string[];
}

const api: Api = { key: 15, name: 'DescribeGroups', minVersion: 1, maxVersion: 2, flexible: false };

export function describeGroupRequest(groupId: string): Message<DescribedGroup> {
  return {
    api,
    encode: (writer) => {
      writer.array([groupId], (id) => writer.string(id));
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const groups = reader.array(() => {
        const errorCode = reader.int16();
        for (let text = 0; text < 4; text += 1) reader.string(); // id, state, protocol type, protocol
        const memberIds = reader.array(() => {
          const memberId = reader.string();
          reader.string(); // client id
          reader.string(); // client host
          reader.bytes(); // subscription
          reader.bytes(); // assignment
          return memberId;
        });
        return { errorCode, memberIds };
      });
      return groups[0] ?? { errorCode: 0, memberIds: [] };
    },
  };
}
