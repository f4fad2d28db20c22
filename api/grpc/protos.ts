/** The contracts in `proto/`, loaded once. Amounts come as decimal text, enums by name. */
import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';

export const queryServiceName = 'rollguard.v1.Query';
export const guardServiceName = 'availabilityguard.v1.AvailabilityGuard';
export const healthServiceName = 'grpc.health.v1.Health';

const includeDirs = [fileURLToPath(new URL('../../proto/', import.meta.url))];
const conversion = { longs: String, enums: String, defaults: true, oneofs: true } as const;

/** The services this instance offers, as reflection tells them. */
export const offered: PackageDefinition = loadSync(
  ['rollguard/v1/query.proto', 'grpc/health/v1/health.proto'],
  { ...conversion, includeDirs },
);
/** Those of an instance that runs the guard, beside them. */
export const guardOffered: PackageDefinition = loadSync(
  'availabilityguard/v1/availability_guard.proto',
  // It has no oneof; what is optional would be told as one of its own.
  { ...conversion, oneofs: false, includeDirs },
);
const errorModel = loadSync('google/rpc/status.proto', { ...conversion, includeDirs });

export const queryDefinition = offered[queryServiceName] as ServiceDefinition;
export const guardDefinition = guardOffered[guardServiceName] as ServiceDefinition;
export const healthDefinition = offered[healthServiceName] as ServiceDefinition;

/** A message of the error model (`google.rpc.*`). */
export function errorMessage(name: string): MessageTypeDefinition<object, object> {
  return errorModel[name] as MessageTypeDefinition<object, object>;
}
