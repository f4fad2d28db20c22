/** `rollguard.v1.Peer`: what other instances ask of the tasks of this one. */
import type { UntypedServiceImplementation, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { PeerHandler } from '../peers/peer-calls.ts';
import { deadlineMsOf } from './call-deadline.ts';
import { grpcErrorOf } from './status-details.ts';

export interface PeerServiceOptions {
  /** By application id. */
  readonly handlers: ReadonlyMap<string, PeerHandler>;
  readonly logger: Logger;
}

export interface PeerCallMessage {
  readonly applicationId: string;
  readonly subTopology: string;
  readonly partition: number;
  readonly request: Buffer;
}

export interface PeerAnswerMessage {
  readonly answer: Buffer;
}

type Call = ServerUnaryCall<PeerCallMessage, PeerAnswerMessage>;

export function peerService({
  handlers,
  logger,
}: PeerServiceOptions): UntypedServiceImplementation {
  const answer = async (call: Call): Promise<PeerAnswerMessage> => {
    const { applicationId, subTopology, partition, request } = call.request;
    const handler = handlers.get(applicationId);
    if (handler === undefined) {
      throw new RollguardError('NOT_READY', `this instance does not run ${applicationId}`);
    }
    const asked = { applicationId, subTopology, partition, request: jsonOf(request) };
    const options = { deadlineMs: deadlineMsOf(call), isGone: () => call.cancelled };
    const answered = { answer: await handler(asked, options) };
    return { answer: Buffer.from(JSON.stringify(answered), 'utf8') };
  };
  return {
    Call: (call: Call, callback: sendUnaryData<PeerAnswerMessage>): void => {
      answer(call).then(
        (message) => callback(null, message),
        (error: unknown) => {
          if (!isRollguardError(error)) logger.error('a peer’s call failed', { error });
          callback(grpcErrorOf(error));
        },
      );
    },
  };
}

/** @throws REQUEST_INVALID */
function jsonOf(request: Buffer): unknown {
  try {
    return JSON.parse(request.toString('utf8')) as unknown;
  } catch (error) {
    throw new RollguardError('REQUEST_INVALID', 'request: is no JSON', { cause: error });
  }
}
