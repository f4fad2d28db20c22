/** Every address of a stack, out of its ports and passwords. Loopback only. */
import type { StackIdentity } from './identity.ts';
import { adminUrl, databaseUrl } from './parts/postgres.ts';
import type { PartName, StackEndpoints } from './stack-state.ts';

export function endpointsOf(identity: StackIdentity): StackEndpoints {
  const { ports, passwords } = identity;
  const registry = `http://127.0.0.1:${ports.registry}`;
  const port = ports.postgres;
  const reader = { user: 'platform_reader', password: passwords.platformReader };
  const owner = { user: 'rollguard', password: passwords.rollguard };
  return {
    kafkaBrokers: `127.0.0.1:${ports.kafka}`,
    schemaRegistryUrl: `${registry}/apis/ccompat/v7`,
    registryApiUrl: `${registry}/apis/registry/v2`,
    kafkaConnectUrl: `http://127.0.0.1:${ports.connect}`,
    platformDatabaseUrl: databaseUrl({ ...reader, port, database: 'platform' }),
    platformAdminDatabaseUrl: adminUrl({ identity }, 'platform'),
    rollguardDatabaseUrl: databaseUrl({ ...owner, port, database: 'rollguard' }),
  };
}

/** The address under which a part's health is asked. */
export function healthEndpoint(name: PartName, endpoints: StackEndpoints): string {
  switch (name) {
    case 'postgres':
      return endpoints.platformAdminDatabaseUrl;
    case 'kafka':
      return endpoints.kafkaBrokers;
    case 'registry':
      return endpoints.schemaRegistryUrl;
    case 'connect':
      return endpoints.kafkaConnectUrl;
  }
}
