/** FindCoordinator: the broker that keeps a group's, or a transactional id's, state. */
import type { BrokerNode } from './metadata.ts';
import type { Api, Message } from './message.ts';

export type CoordinatorKind = 'group' | 'transaction';

export interface FindCoordinatorResponse {
  readonly errorCode: number;
  readonly node: BrokerNode;
}

const api: Api = {
  key: 10,
  name: 'FindCoordinator',
  minVersion: 1,
  maxVersion: 2,
  flexible: false,
};

export function findCoordinatorRequest(
  kind: CoordinatorKind,
  key: string,
): Message<FindCoordinatorResponse> {
  return {
    api,
    encode: (writer) => {
      writer.string(key);
      writer.int8(kind === 'group' ? 0 : 1);
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const errorCode = reader.int16();
      reader.nullableString(); // error message
      const node = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
      return { errorCode, node };
    },
  };
}
