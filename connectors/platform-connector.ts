/**
 * Rollguard's own connector: the tables of the reservation platform that the guard and the ledgers
 * are made from, out of the settings an operator has.
 */
import { RollguardError } from '../kernel/errors.ts';
import {
  parseDebeziumPostgres,
  type DebeziumPostgres,
  type DebeziumPostgresInput,
} from './debezium-postgres.ts';

/** Business dates last: their snapshot closes days whose facts should be known by then. */
export const platformTables: readonly string[] = [
  'public.properties',
  'public.room_types',
  'public.rooms',
  'public.reservations',
  'public.reservation_command_lifecycle',
  'public.business_dates',
];

/** Who the guest is decides nothing here: it stays in the platform's database. */
const personalColumns: readonly string[] = [
  'public.reservations.guest_name',
  'public.reservations.guest_email',
  'public.reservations.guest_phone',
  'public.reservations.special_requests',
  'public.reservations.internal_notes',
  'public.reservations.credit_card_last4',
];

export const defaultCaptureUser = 'rollguard_cdc';
export const defaultConnectorName = 'rollguard-platform';

export interface PlatformConnectorSettings {
  /** Where the tables are; its user and password are not the connector's and are ignored. */
  readonly databaseUrl: string;
  /** A reference that the Connect worker resolves, such as `${env:ROLLGUARD_CDC_PASSWORD}`. */
  readonly passwordReference: string;
  /** The registry, by its Confluent API (`…/apis/ccompat/v7`) or Apicurio's own (`…/apis/registry/v2`). */
  readonly registryUrl: string;
  /** Overrides of anything else; host and port as the Connect worker sees them. */
  readonly overrides?: PlatformConnectorOverrides;
}

export type PlatformConnectorOverrides = {
  readonly [
    Name in Exclude<keyof DebeziumPostgresInput, 'database' | 'registryUrl'>
  ]?: DebeziumPostgresInput[Name];
} & {
  readonly database?: Partial<DebeziumPostgresInput['database']>;
};

/** @throws CONFIG_INVALID for a URL that is none, CONNECTOR_INVALID naming each wrong field. */
export function platformConnector(settings: PlatformConnectorSettings): DebeziumPostgres {
  const { overrides = {} } = settings;
  return parseDebeziumPostgres({
    name: defaultConnectorName,
    topicPrefix: 'platform',
    tables: platformTables,
    excludedColumns: personalColumns,
    ...overrides,
    database: {
      ...databaseOf(settings.databaseUrl),
      user: defaultCaptureUser,
      password: settings.passwordReference,
      ...overrides.database,
    },
    registryUrl: registryApiUrl(settings.registryUrl),
  });
}

function databaseOf(text: string): { host: string; port: number; name: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new RollguardError(
      'CONFIG_INVALID',
      'PLATFORM_DATABASE_URL: must be a URL such as postgres://user@host:5432/platform',
    );
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    name: decodeURIComponent(url.pathname.slice(1)),
  };
}

/** Apicurio serves both APIs of one registry; its converter needs its own. */
function registryApiUrl(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/apis\/ccompat\/v\d+$/, '/apis/registry/v2');
}
