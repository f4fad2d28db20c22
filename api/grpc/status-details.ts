/** Errors as gRPC statuses with google.rpc details; the only mapping from error codes to them. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { fileURLToPath } from 'node:url';
import { isRollguardError, messageOf } from '../../kernel/errors.ts';

export const detailsKey = 'grpc-status-details-bin';
const domain = 'rollguard';
const retryAfterSeconds = 1;

const protoFolder = fileURLToPath(new URL('../../proto/', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  target.startsWith('google/protobuf/') ? target : `${protoFolder}${target}`;
root.loadSync('google/rpc/status.proto');
const statusType = root.lookupType('google.rpc.Status');
const errorInfoType = root.lookupType('google.rpc.ErrorInfo');
const retryInfoType = root.lookupType('google.rpc.RetryInfo');

/** What the caller is told; details of unexpected errors stay in the log. */
export function grpcErrorOf(error: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata'> {
  if (!isRollguardError(error)) {
    const details = 'an unexpected error; it is in the log of this instance';
    return withDetails(status.INTERNAL, 'INTERNAL', { details, isRetriable: false });
  }
  const code = status[error.row.grpc];
  const isRetriable = error.row.http === 503;
  return withDetails(code, error.code, { details: messageOf(error), isRetriable });
}

function withDetails(
  code: status,
  reason: string,
  { details, isRetriable }: { readonly details: string; readonly isRetriable: boolean },
): Pick<ServiceError, 'code' | 'details' | 'metadata'> {
  const retry = { retryDelay: { seconds: retryAfterSeconds } };
  const all = [
    any(errorInfoType, { reason, domain }),
    ...(isRetriable ? [any(retryInfoType, retry)] : []),
  ];
  const metadata = new Metadata();
  const bytes = statusType.encode(statusType.create({ code, message: details, details: all }));
  metadata.set(detailsKey, Buffer.from(bytes.finish()));
  return { code, details, metadata };
}

function any(type: protobuf.Type, value: object): object {
  const bytes = type.encode(type.fromObject(value)).finish();
  return { type_url: `type.googleapis.com/${type.fullName.slice(1)}`, value: bytes };
}

/** The reason in an error's details, e.g. `NOT_FOUND`; undefined when there are none. */
export function reasonOf(metadata: Metadata): string | undefined {
  const [bytes] = metadata.get(detailsKey);
  if (!Buffer.isBuffer(bytes)) return undefined;
  const { details } = statusType.toObject(statusType.decode(bytes)) as {
    details?: readonly { readonly type_url: string; readonly value: Uint8Array }[];
  };
  const info = details?.find(({ type_url: url }) => url.endsWith(errorInfoType.fullName.slice(1)));
  return info && (errorInfoType.decode(info.value) as unknown as { reason: string }).reason;
}
