/** `rollguard connectors …`: prepare, validate and apply; the other verbs are beside it. What captures the platform's tables. */
import { Command } from 'commander';
import { resumeCapture } from '../../capture/resume-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import type { ConnectorDefinition } from '../../connectors/connector-config.ts';
import { toConnect, type DebeziumPostgres } from '../../connectors/debezium-postgres.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { prepareDatabase } from '../../connectors/prepare-database.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { renderRoleScript, type RoleScriptOptions } from '../../connectors/role-sql.ts';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { CliContext } from '../cli-context.ts';
import {
  commandWithSettings,
  defaultWaitSeconds,
  localStackNote,
  positive,
  untilInterrupted,
} from '../connectors/connector-command.ts';
import { renderApplied, renderProblems } from '../connectors/connector-report.ts';
import { warnOfOpenConnect } from '../connectors/open-connect.ts';
import {
  connectorEndpoints,
  readOverrides,
  remindOfPrepare,
  requiredUrl,
  wantedConnector,
  type ConnectorEndpoints,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';
import { createCapturedTopics } from '../connectors/create-captured-topics.ts';
import { prepareStackDatabase } from '../connectors/prepare-stack-database.ts';
import { deleteCommand } from './connectors-delete.ts';
import { diffCommand } from './connectors-diff.ts';
import { recoverCommand } from './connectors-recover.ts';
import { restartCommand } from './connectors-restart.ts';
import { statusCommand } from './connectors-status.ts';
import { validateConnector } from '../connectors/validate-connector.ts';

const passwordSetting = 'ROLLGUARD_CDC_PASSWORD';

export function connectorsCommand(cli: CliContext): Command {
  const connectors = new Command('connectors').description(
    "the connector that captures the platform's tables",
  );
  connectors.addCommand(prepareCommand(cli));
  connectors.addCommand(validateCommand(cli));
  connectors.addCommand(applyCommand(cli));
  connectors.addCommand(diffCommand(cli));
  connectors.addCommand(statusCommand(cli));
  connectors.addCommand(restartCommand(cli));
  connectors.addCommand(recoverCommand(cli));
  connectors.addCommand(deleteCommand(cli));
  return connectors;
}

interface PrepareFlags extends ConnectorFlags {
  readonly print?: true;
}

function prepareCommand(cli: CliContext): Command {
  return commandWithSettings('prepare')
    .description("make the platform's database ready: role, publication, whole rows in the WAL")
    .option(
      '--admin-database-url <url>',
      "superuser on the platform's Postgres (default: PLATFORM_ADMIN_DATABASE_URL)",
    )
    .option('--print', 'print the SQL for a DBA instead; needs no database')
    .addHelpText('after', prepareExamples)
    .action((flags: PrepareFlags) =>
      flags.print === true ? printScript(flags, cli) : prepare(flags, cli),
    );
}

const prepareExamples = `
Examples:
  rollguard connectors prepare --print > capture.sql
  rollguard connectors prepare --admin-database-url postgres://postgres@db:5432/platform
  ROLLGUARD_CDC_PASSWORD=… rollguard connectors prepare     gives the role this password
${localStackNote} Its role gets a random password, kept
where only its worker looks.`;

function printScript(flags: PrepareFlags, cli: CliContext): void {
  const script = renderRoleScript(wantedRole(flags));
  cli.out(flags.json === true ? `${JSON.stringify({ script })}\n` : script);
}

async function prepare(flags: PrepareFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const adminDatabaseUrl = requiredUrl(endpoints, 'adminDatabaseUrl');
  const role = wantedRole(flags);
  const passwordFrom = await prepareWithPassword(role, adminDatabaseUrl, { endpoints, cli });
  const { user, publication, tables } = role;
  if (flags.json === true) {
    cli.out(`${JSON.stringify({ user, publication, tables, passwordFrom })}\n`);
    return;
  }
  const password = passwordFrom === 'unchanged' ? 'unchanged' : `set (${passwordFrom})`;
  cli.out(
    `prepared: role ${user}, publication ${publication}, ${tables.length} tables; password ${password}\n`,
  );
}

type PasswordSource = 'local stack' | typeof passwordSetting | 'unchanged';

async function prepareWithPassword(
  role: RoleScriptOptions,
  adminDatabaseUrl: string,
  { endpoints, cli }: { readonly endpoints: ConnectorEndpoints; readonly cli: CliContext },
): Promise<PasswordSource> {
  if (endpoints.stack !== undefined) {
    await prepareStackDatabase(endpoints.stack, role);
    return 'local stack';
  }
  const password = cli.env[passwordSetting];
  if (password === undefined || password === '') {
    await prepareDatabase({ ...role, adminDatabaseUrl });
    return 'unchanged';
  }
  await prepareDatabase({ ...role, adminDatabaseUrl, password });
  return passwordSetting;
}

/** The connector's checked settings as far as the database is concerned: no address matters to them. */
function wantedRole(flags: ConnectorFlags): RoleScriptOptions {
  const { database, tables, publication } = platformConnector({
    databaseUrl: 'postgres://any/any',
    registryUrl: 'http://any/apis/registry/v2',
    passwordReference: '${env:ANY}',
    overrides: readOverrides(flags.config),
  });
  return { user: database.user, tables, publication };
}

function validateCommand(cli: CliContext): Command {
  return commandWithSettings('validate')
    .description('check the configuration here, then have Connect check it; exit 1 when not valid')
    .addHelpText('after', validateExamples)
    .action((flags: ConnectorFlags) => validate(flags, cli));
}

const validateExamples = `
Examples:
  rollguard connectors validate
  rollguard connectors validate --connect-url http://connect:8083 --config connector.json --json
${localStackNote}`;

async function validate(flags: ConnectorFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const client = new ConnectClient({
    url: requiredUrl(endpoints, 'connectUrl'),
    clock: cli.clock,
  });
  const result = await validateConnector(() => wantedConnector(endpoints, flags), client);
  if (!result.isValid) cli.exitCode = 1;
  const warnings = await warnOfOpenConnect(client.url, cli);
  if (flags.json === true) cli.out(`${JSON.stringify({ ...result, warnings })}\n`);
  else cli.out(result.isValid ? 'valid\n' : renderProblems(result.problems));
}

interface ApplyFlags extends ConnectorFlags {
  readonly dryRun?: true;
  /** False: --no-kafka. */
  readonly kafka?: boolean;
  readonly waitTimeout: number;
}

function applyCommand(cli: CliContext): Command {
  return commandWithSettings('apply')
    .description('create or change what differs, and wait until the tasks run')
    .option('--dry-run', 'only say what would be done')
    .option('--wait-timeout <seconds>', 'until the tasks run', positive, defaultWaitSeconds)
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--no-kafka', 'Kafka is not asked: only for tables that were never captured')
    .addHelpText('after', applyExamples)
    .action((flags: ApplyFlags) => apply(flags, cli));
}

const applyExamples = `
Examples:
  rollguard connectors apply --dry-run
  rollguard connectors apply --wait-timeout 300 --json
  rollguard connectors apply --password-reference '\${file:/run/secrets/cdc.properties:password}'

Kafka is needed (KAFKA_BROKERS): the tables' topics are created first, also of tables without rows, and it
knows whether they were captured before. Applied twice it says "nothing" and changes nothing. A FAILED task:
its trace, exit 1. One that was deleted goes on where it ended; where that is not known any more, exit 1:
\`rollguard connectors recover\` reads the tables anew. With --no-kafka none of that is looked at.
${localStackNote}`;

async function apply(flags: ApplyFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const url = requiredUrl(endpoints, 'connectUrl');
  const wanted = wantedConnector(endpoints, flags);
  const brokers = flags.kafka === false ? undefined : requiredBrokers(endpoints);
  remindOfPrepare(endpoints, cli);
  const { clock, progress } = cli;
  const dryRun = flags.dryRun === true;
  const kafka = brokers === undefined ? undefined : { brokers, url };
  const connector = kafka ? await resumable(wanted, dryRun, { kafka, cli }) : toConnect(wanted);
  const topics = dryRun || !kafka ? [] : await provideTopics(wanted, kafka, cli);
  const results = await untilInterrupted((signal) =>
    applyConnectors({
      client: new ConnectClient({ url, clock, signal }),
      connectors: [connector],
      waitTimeoutMs: flags.waitTimeout * 1_000,
      ...{ dryRun, clock, progress, signal },
    }),
  );
  const warnings = await warnOfOpenConnect(url, cli);
  if (flags.json === true) {
    cli.out(`${JSON.stringify({ connectors: results, topicsCreated: topics, warnings })}\n`);
    return;
  }
  cli.out(topics.map((name) => `topic ${name}: created\n`).join(''));
  cli.out(results.map(renderApplied).join(''));
}

/** Without it a connector could begin anew where one was before, and nobody would hear of what is lost. */
function requiredBrokers({ brokers = '' }: ConnectorEndpoints): string {
  if (brokers !== '') return brokers;
  const message =
    'KAFKA_BROKERS is not set: set it or give --brokers; Kafka knows whether these tables were captured before, and their topics are made there (--no-kafka applies without, to tables that never were)';
  throw new RollguardError('USAGE', message);
}

interface CapturingKafka {
  readonly brokers: string;
  /** Kafka Connect's. */
  readonly url: string;
}

/** The epoch and the place of the capture are in Kafka and in Connect; a connector must not lose them. */
async function resumable(
  wanted: DebeziumPostgres,
  dryRun: boolean,
  { kafka, cli }: { readonly kafka: CapturingKafka; readonly cli: CliContext },
): Promise<ConnectorDefinition> {
  const { clock } = cli;
  const { topicPrefix } = wanted;
  const client = new ConnectClient({ url: kafka.url, clock });
  const brokers = kafka.brokers.split(',');
  const port = createKafkajsPort({
    ...{ brokers, clientId: 'rollguard-cli', clock, logger: silentLogger },
  });
  try {
    const connector = toConnect(wanted);
    return await resumeCapture({ client, connector, topicPrefix, port, dryRun });
  } finally {
    await port.close();
  }
}

/** The topics of tables that have no row yet; capture itself does not need them. */
async function provideTopics(
  connector: DebeziumPostgres,
  { brokers }: CapturingKafka,
  { clock, progress }: CliContext,
): Promise<readonly string[]> {
  try {
    return await createCapturedTopics(connector, { brokers, clock });
  } catch (error) {
    progress(
      `connectors: no topics created (${messageOf(error)}): that of a table without rows comes with its first row, and the application waits for it`,
    );
    return [];
  }
}
