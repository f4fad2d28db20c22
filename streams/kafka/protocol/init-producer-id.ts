/**
 * InitProducerId: with −1/−1 takes a transactional id over, whoever had it; with the own id and epoch
 * settles the own last transaction and gives the next epoch, unless there is a successor. Without a
 * transactional id it gives a producer id that nobody ever had.
 */
import type { Api, Message } from './message.ts';

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

export const noIdentity: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

export interface InitProducerIdResponse extends ProducerIdentity {
  readonly errorCode: number;
}

// Version 4 is the first that tells a fenced producer apart; 6 asks for two-phase commit fields.
const api: Api = { key: 22, name: 'InitProducerId', minVersion: 4, maxVersion: 5, flexible: true };

export interface InitProducerIdRequest {
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
  readonly identity: ProducerIdentity;
}

export function initProducerIdRequest(
  request: InitProducerIdRequest,
): Message<InitProducerIdResponse> {
  return {
    api,
    encode: (writer) => {
      writer.compactNullableString(request.transactionalId);
      writer.int32(request.transactionTimeoutMs);
      writer.int64(request.identity.producerId);
      writer.int16(request.identity.producerEpoch);
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return {
        errorCode: reader.int16(),
        producerId: reader.int64(),
        producerEpoch: reader.int16(),
      };
    },
  };
}
