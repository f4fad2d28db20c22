/** The client's side of gRPC reflection, from the package that serves it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';

export function reflectionDefinition(version: string): ServiceDefinition {
  const main = createRequire(import.meta.url).resolve('@grpc/reflection');
  const folder = path.join(path.dirname(main), '../proto/grpc/reflection', version);
  const found = loadSync(path.join(folder, 'reflection.proto'), { longs: String, oneofs: true });
  return found[`grpc.reflection.${version}.ServerReflection`] as ServiceDefinition;
}
