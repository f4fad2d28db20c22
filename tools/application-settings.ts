/**
 * The application's settings for commands that work beside it: flags, then the environment and `.env`,
 * then the running local stack.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { parseSettings, type Settings } from '../kernel/settings.ts';
import { createLogger, type Logger } from '../kernel/logger.ts';
import { createKafkajsPort } from '../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../streams/kafka/port.ts';
import type { CliContext } from './cli-context.ts';
import { runningStack } from './stack/running-stack.ts';

export interface ApplicationFlags {
  readonly brokers?: string;
  readonly registryUrl?: string;
  readonly stateDir?: string;
}

const envFile = '.env';

/** @throws CONFIG_INVALID naming the setting. */
export function applicationSettings(
  noun: string,
  flags: ApplicationFlags,
  cli: CliContext,
): Settings {
  const file = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const given = withoutEmpty({
    ...file,
    ...cli.env,
    KAFKA_BROKERS: flags.brokers ?? cli.env['KAFKA_BROKERS'] ?? file['KAFKA_BROKERS'],
    SCHEMA_REGISTRY_URL:
      flags.registryUrl ?? cli.env['SCHEMA_REGISTRY_URL'] ?? file['SCHEMA_REGISTRY_URL'],
  });
  const isAnyGiven =
    given['KAFKA_BROKERS'] !== undefined || given['SCHEMA_REGISTRY_URL'] !== undefined;
  const stack = isAnyGiven ? undefined : runningStack(noun, cli);
  const ofStack =
    stack === undefined
      ? {}
      : {
          KAFKA_BROKERS: stack.endpoints.kafkaBrokers,
          SCHEMA_REGISTRY_URL: stack.endpoints.schemaRegistryUrl,
          PLATFORM_DATABASE_URL: stack.endpoints.platformDatabaseUrl,
          ROLLGUARD_DATABASE_URL: stack.endpoints.rollguardDatabaseUrl,
          ROLLGUARD_STATE_DIR: path.join(path.dirname(path.dirname(stack.secretsFolder)), 'state'),
        };
  const flagged = flags.stateDir === undefined ? {} : { ROLLGUARD_STATE_DIR: flags.stateDir };
  return parseSettings({ ...ofStack, ...given, ...flagged });
}

/** The settings of a command that asks nobody: no address is needed. @throws CONFIG_INVALID */
export function offlineSettings(cli: CliContext): Settings {
  const file = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const nowhere = { KAFKA_BROKERS: 'nowhere:0', SCHEMA_REGISTRY_URL: 'http://nowhere' };
  return parseSettings({ ...file, ...cli.env, ...nowhere });
}

/** Kafka for one command, with warnings on stderr. */
export function commandPort(settings: Settings, cli: CliContext): KafkaPort {
  return createKafkajsPort({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'rollguard-cli',
    clock: cli.clock,
    logger: commandLogger(cli),
  });
}

export function commandLogger(cli: CliContext): Logger {
  return createLogger({ level: 'warn', clock: cli.clock, write: cli.progress });
}

/** An empty value is one that was not given; an empty suffix is one: the application id as it is. */
function withoutEmpty(
  values: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([name, value]) =>
        value !== undefined && (value !== '' || name === 'KAFKA_CONSUMER_GROUP_SUFFIX'),
    ),
  );
}
