/**
 * Where the connectors commands work: flags, then the environment, then a running local stack. The
 * local stack is taken only as a whole and only when nothing else is named: half of it together with
 * somebody's production Connect would capture the wrong database.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseConnector } from '../../connectors/connector-config.ts';
import type { DebeziumPostgres } from '../../connectors/debezium-postgres.ts';
import {
  platformConnector,
  type PlatformConnectorOverrides,
} from '../../connectors/platform-connector.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { runningStack } from '../stack/running-stack.ts';
import type { StackState } from '../stack/stack-state.ts';
import { stackSecret } from './prepare-stack-database.ts';

const passwordReferenceSetting = 'ROLLGUARD_CDC_PASSWORD_REFERENCE';
const defaultPasswordReference = '${env:ROLLGUARD_CDC_PASSWORD}';

/** What every verb takes. */
export interface ConnectorFlags {
  readonly connectUrl?: string;
  readonly databaseUrl?: string;
  readonly adminDatabaseUrl?: string;
  readonly registryUrl?: string;
  readonly brokers?: string;
  readonly passwordReference?: string;
  readonly config?: string;
  readonly json?: true;
}

const endpointNames = {
  connectUrl: { setting: 'KAFKA_CONNECT_URL', flag: '--connect-url' },
  databaseUrl: { setting: 'PLATFORM_DATABASE_URL', flag: '--database-url' },
  adminDatabaseUrl: { setting: 'PLATFORM_ADMIN_DATABASE_URL', flag: '--admin-database-url' },
  registryUrl: { setting: 'SCHEMA_REGISTRY_URL', flag: '--registry-url' },
} as const;
type EndpointName = keyof typeof endpointNames;
const allEndpoints = Object.keys(endpointNames) as EndpointName[];

export interface ConnectorEndpoints {
  readonly urls: Readonly<Partial<Record<EndpointName, string>>>;
  readonly passwordReference: string;
  /** Kafka, host:port, comma separated. */
  readonly brokers: string | undefined;
  /** The running local stack, when the URLs are its. */
  readonly stack?: StackState;
}

/** @throws CONFIG_INVALID when the local stack's state file cannot be read. */
export function connectorEndpoints(flags: ConnectorFlags, cli: CliContext): ConnectorEndpoints {
  const urls: Partial<Record<EndpointName, string>> = {};
  for (const name of allEndpoints) {
    const url = flags[name] ?? cli.env[endpointNames[name].setting];
    if (url !== undefined && url !== '') urls[name] = url;
  }
  const reference = flags.passwordReference ?? cli.env[passwordReferenceSetting];
  const givenReference = reference === '' ? undefined : reference;
  const stack = Object.keys(urls).length === 0 ? runningStack('connectors', cli) : undefined;
  const brokers = flags.brokers ?? cli.env['KAFKA_BROKERS'];
  if (stack === undefined) {
    return { urls, brokers, passwordReference: givenReference ?? defaultPasswordReference };
  }
  const { endpoints } = stack;
  return {
    stack,
    brokers: brokers ?? endpoints.kafkaBrokers,
    passwordReference: givenReference ?? stackSecret(stack).reference,
    urls: {
      connectUrl: endpoints.kafkaConnectUrl,
      databaseUrl: endpoints.platformDatabaseUrl,
      adminDatabaseUrl: endpoints.platformAdminDatabaseUrl,
      registryUrl: endpoints.registryApiUrl,
    },
  };
}

/** @throws USAGE naming the setting and the flag. */
export function requiredUrl(endpoints: ConnectorEndpoints, name: EndpointName): string {
  const url = endpoints.urls[name];
  if (url !== undefined) return url;
  const { setting, flag } = endpointNames[name];
  const settings = allEndpoints.map((each) => endpointNames[each].setting).join(', ');
  const message = `${setting} is not set: set it or give ${flag}; a running local stack (\`rollguard stack up\`) is used only when none of ${settings} is set`;
  throw new RollguardError('USAGE', message);
}

const overridesSchema = z.looseObject({
  name: z.string().optional(),
  database: z.looseObject({}).optional(),
  registryUrl: z.never('is given with --registry-url or SCHEMA_REGISTRY_URL').optional(),
});

/**
 * The overrides of `--config`; what is in each is checked together with the rest.
 * @throws INPUT_INVALID for a file that is not JSON, CONNECTOR_INVALID for JSON of another shape.
 */
export function readOverrides(file: string | undefined): PlatformConnectorOverrides {
  if (file === undefined) return {};
  return parseConnector(overridesSchema, readJsonFile(file)) as PlatformConnectorOverrides;
}

function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const message = `--config ${file} cannot be read as JSON`;
    throw new RollguardError('INPUT_INVALID', message, { cause: error });
  }
}

/**
 * The connector these settings ask for.
 * @throws USAGE for a missing URL, CONNECTOR_INVALID naming each wrong field.
 */
export function wantedConnector(
  endpoints: ConnectorEndpoints,
  flags: ConnectorFlags,
): DebeziumPostgres {
  return platformConnector({
    databaseUrl: requiredUrl(endpoints, 'databaseUrl'),
    registryUrl: requiredUrl(endpoints, 'registryUrl'),
    passwordReference: endpoints.passwordReference,
    overrides: readOverrides(flags.config),
  });
}

/** A local stack whose database was never prepared has no password to refer to. */
export function remindOfPrepare(endpoints: ConnectorEndpoints, cli: CliContext): void {
  if (endpoints.stack === undefined) return;
  const { file, reference } = stackSecret(endpoints.stack);
  if (endpoints.passwordReference !== reference || existsSync(file)) return;
  cli.progress(`connectors: there is no ${file} yet; run \`rollguard connectors prepare\` first`);
}
