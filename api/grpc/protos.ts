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
const peerServiceName = 'rollguard.v1.Peer';

const includeDirs = [fileURLToPath(new URL('../../proto/', import.meta.url))];
const conversion = { longs: String, enums: String, defaults: true, oneofs: true } as const;

/** What reflection tells of an instance that runs roll, of one that runs the guard, and of every one. */
export const queryOffered: PackageDefinition = loadSync('rollguard/v1/query.proto', {
  ...conversion,
  includeDirs,
});
export const healthOffered: PackageDefinition = loadSync('grpc/health/v1/health.proto', {
  ...conversion,
  includeDirs,
});
export const guardOffered: PackageDefinition = loadSync(
  'availabilityguard/v1/availability_guard.proto',
  // It has no oneof; what is optional would be told as one of its own.
  { ...conversion, oneofs: false, includeDirs },
);
const peer = loadSync('rollguard/v1/peer.proto', { ...conversion, includeDirs });
const errorModel = loadSync('google/rpc/status.proto', { ...conversion, includeDirs });

export const queryDefinition = queryOffered[queryServiceName] as ServiceDefinition;
export const guardDefinition = guardOffered[guardServiceName] as ServiceDefinition;
export const healthDefinition = healthOffered[healthServiceName] as ServiceDefinition;
/** Between instances; reflection does not tell of it. */
export const peerDefinition = peer[peerServiceName] as ServiceDefinition;

/** A message of the error model (`google.rpc.*`). */
export function errorMessage(name: string): MessageTypeDefinition<object, object> {
  return errorModel[name] as MessageTypeDefinition<object, object>;
}
