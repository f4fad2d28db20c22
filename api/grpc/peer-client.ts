/** Calls to other instances over gRPC, one connection to each. */
import {
  Client,
  credentials,
  status,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { errorCodes, type ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { PeerCalls } from '../peers/peer-calls.ts';
import { peerDefinition } from './protos.ts';
import type { PeerAnswerMessage, PeerCallMessage } from './peer-service.ts';
import { statusDetailsOf } from './status-details.ts';

/** More instances than this are not kept connections to. */
const peersMax = 256;
const channelOptions = {
  // An answer may name ten thousand holds.
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': 1024 * 1024,
  // An instance that is back is noticed soon.
  'grpc.max_reconnect_backoff_ms': 1_000,
};
const method = peerDefinition['Call'] as MethodDefinition<PeerCallMessage, PeerAnswerMessage>;

export function peerClient(): PeerCalls {
  const clients = new Map<string, Client>();
  const clientOf = (address: string): Client => {
    const known = clients.get(address);
    if (known !== undefined) return known;
    if (clients.size >= peersMax) closeAll(clients);
    const client = new Client(address, credentials.createInsecure(), channelOptions);
    clients.set(address, client);
    return client;
  };
  return {
    call: (address, { request, ...target }, { deadlineMs, isWrite }) =>
      new Promise((resolve, reject) => {
        clientOf(address).makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          { ...target, request: Buffer.from(JSON.stringify(request), 'utf8') },
          { deadline: deadlineMs },
          (error, message) => {
            if (error !== null) reject(errorOf(error, { address, isWrite }));
            else resolve(answerOf(message));
          },
        );
      }),
    close: () => closeAll(clients),
  };
}

function answerOf(message: PeerAnswerMessage | undefined): unknown {
  const text = message?.answer.toString('utf8') ?? '{}';
  return (JSON.parse(text) as { readonly answer?: unknown }).answer;
}

/** What the peer said; where it said nothing, a write may have been done. */
function errorOf(
  error: ServiceError,
  { address, isWrite }: { readonly address: string; readonly isWrite: boolean },
): RollguardError {
  const reason = statusDetailsOf(error.metadata)?.reason;
  if (reason !== undefined && isCode(reason)) return new RollguardError(reason, error.details);
  const isLate = error.code === status.DEADLINE_EXCEEDED;
  const silent = isLate ? 'DEADLINE_EXCEEDED' : 'NOT_READY';
  const code = isWrite ? 'OUTCOME_UNKNOWN' : silent;
  return new RollguardError(code, `the instance at ${address} gave no answer`, { cause: error });
}

function isCode(reason: string): reason is ErrorCode {
  return Object.hasOwn(errorCodes, reason);
}

function closeAll(clients: Map<string, Client>): void {
  for (const client of clients.values()) client.close();
  clients.clear();
}
