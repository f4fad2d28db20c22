/** DescribeGroups: who is in a group now. A group that does not exist has no members. */
import type { DescribedMember } from '../port.ts';
import type { Api, Message } from './message.ts';

export interface DescribedGroup {
  readonly errorCode: number;
  readonly members: readonly DescribedMember[];
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
        const members = reader.array((): DescribedMember => {
          const memberId = reader.string();
          const clientId = reader.string();
          const host = reader.string().replace(/^\//, '');
          reader.bytes(); // subscription
          reader.bytes(); // assignment
          return { memberId, clientId, host };
        });
        return { errorCode, members };
      });
      return groups[0] ?? { errorCode: 0, members: [] };
    },
  };
}
