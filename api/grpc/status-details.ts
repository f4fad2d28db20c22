/** Errors as gRPC statuses with google.rpc details: what HTTP answers as a problem, in gRPC's words. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { isRollguardError } from '../../kernel/errors.ts';
import { problemOf, retryAfterSeconds, type Problem, type Violation } from '../problem.ts';
import { errorMessage } from './protos.ts';

export const detailsKey = 'grpc-status-details-bin';
const domain = 'rollguard';
const statusName = 'google.rpc.Status';
const errorInfoName = 'google.rpc.ErrorInfo';
const retryInfoName = 'google.rpc.RetryInfo';
const badRequestName = 'google.rpc.BadRequest';
/** In the metadata of ErrorInfo. */
const missingKey = 'missingPartitions';

/** What the caller is told; details of unexpected errors stay in the log. */
export function grpcErrorOf(error: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata'> {
  const problem = problemOf(error);
  const code = status[isRollguardError(error) ? error.row.grpc : 'INTERNAL'];
  const seconds = retryAfterSeconds(problem);
  const details = [
    any(errorInfoName, { reason: problem.code, domain, metadata: infoOf(problem) }),
    ...(problem.errors === undefined ? [] : [any(badRequestName, badRequestOf(problem.errors))]),
    ...(seconds === undefined ? [] : [any(retryInfoName, { retryDelay: { seconds } })]),
  ];
  const metadata = new Metadata();
  const bytes = errorMessage(statusName).serialize({ code, message: problem.detail, details });
  metadata.set(detailsKey, bytes);
  return { code, details: problem.detail, metadata };
}

/** Tasks only: trailers are small, and the message says what to do. */
function infoOf({ missingPartitions: missing }: Problem): Readonly<Record<string, string>> {
  return missing === undefined ? {} : { [missingKey]: missing.map(({ task }) => task).join(',') };
}

function badRequestOf(violations: readonly Violation[]): object {
  return {
    fieldViolations: violations.map(({ field, message }) => ({ field, description: message })),
  };
}

function any(name: string, value: object): object {
  return {
    type_url: `type.googleapis.com/${name}`,
    value: errorMessage(name).serialize(value),
  };
}

export interface StatusDetails {
  /** The error's code, e.g. `NOT_FOUND`. */
  readonly reason: string;
  readonly domain: string;
  /** When it makes sense to try again. */
  readonly retryAfterSeconds: number | undefined;
  /** The fields at fault; undefined when none is. */
  readonly violations: readonly Violation[] | undefined;
  /** Tasks of the partitions that did not answer; undefined when that is not what is wrong. */
  readonly missing: readonly string[] | undefined;
}

/** What a client reads from the metadata of an error; undefined when there is nothing. */
export function statusDetailsOf(metadata: Metadata): StatusDetails | undefined {
  const [bytes] = metadata.get(detailsKey);
  if (typeof bytes !== 'object') return undefined;
  const { details } = errorMessage(statusName).deserialize(bytes) as {
    readonly details: readonly { readonly type_url: string; readonly value: Buffer }[];
  };
  const find = (name: string): object | undefined => {
    const found = details.find(({ type_url: url }) => url.endsWith(`/${name}`));
    return found && errorMessage(name).deserialize(found.value);
  };
  const info = find(errorInfoName) as
    { reason: string; domain: string; metadata: Readonly<Record<string, string>> } | undefined;
  const retry = find(retryInfoName) as { retryDelay: { seconds: string } } | undefined;
  const bad = find(badRequestName) as
    { fieldViolations: readonly { field: string; description: string }[] } | undefined;
  return (
    info && {
      reason: info.reason,
      domain: info.domain,
      retryAfterSeconds: retry && Number(retry.retryDelay.seconds),
      violations: bad?.fieldViolations.map(({ field, description }) => ({
        field,
        message: description,
      })),
      missing: info.metadata[missingKey]?.split(','),
    }
  );
}
