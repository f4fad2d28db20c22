/** `rollguard connectors recover`: closes a gap in the capture by reading every captured table anew. */
import type { Command } from 'commander';
import type { CaptureStanding } from '../../capture/capture-standing.ts';
import { readStanding, recoverCapture, type RecoverReport } from '../../capture/recover-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { CliContext } from '../cli-context.ts';
import {
  commandWithSettings,
  localStackNote,
  positive,
  untilInterrupted,
} from '../connectors/connector-command.ts';
import {
  connectorEndpoints,
  requiredUrl,
  wantedConnector,
  type ConnectorEndpoints,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';

interface RecoverFlags extends ConnectorFlags {
  readonly dryRun?: true;
  readonly allowDeletions?: true;
  readonly waitTimeout: number;
}

const defaultReadingSeconds = 3_600;

export function recoverCommand(cli: CliContext): Command {
  return commandWithSettings('recover')
    .description('close a gap in the capture: slot made anew, every captured table read again')
    .option(
      '--admin-database-url <url>',
      "superuser on the platform's Postgres (default: PLATFORM_ADMIN_DATABASE_URL)",
    )
    .option('--brokers <list>', 'Kafka (default: KAFKA_BROKERS)')
    .option('--dry-run', 'only say what would be done')
    .option('--allow-deletions', 'also where more than half of a table is gone')
    .option(
      '--wait-timeout <seconds>',
      'until the tables are read',
      positive,
      defaultReadingSeconds,
    )
    .addHelpText('after', examples)
    .action((flags: RecoverFlags) => recover(flags, cli));
}

const examples = `
Examples:
  rollguard connectors recover --dry-run
  rollguard connectors recover
  rollguard connectors recover --wait-timeout 7200 --json

For a replication slot that is gone or lost, and for a platform database that another server has taken
over. Prints what the gap had kept from capture, in rows of each table. The services need not be stopped;
what they read twice changes nothing. Killed anywhere, run it again. While it reads, WAL is kept.
${localStackNote}`;

async function recover(flags: RecoverFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const connector = wantedConnector(endpoints, flags);
  const adminDatabaseUrl = requiredUrl(endpoints, 'adminDatabaseUrl');
  const url = requiredUrl(endpoints, 'connectUrl');
  const { clock, progress } = cli;
  const port = createKafkajsPort({
    ...{ brokers: brokersOf(endpoints), clientId: 'rollguard-cli', clock, logger: silentLogger },
  });
  try {
    const standing = await readStanding(port, connector.topicPrefix);
    if (flags.dryRun === true) {
      sayPlan(standing, { connector, flags, cli });
      return;
    }
    progress(`recover: ${describeGap(standing)}`);
    const registry = createRegistryClient({ url: confluentUrl(endpoints), clock });
    const report = await untilInterrupted((signal) =>
      recoverCapture({
        client: new ConnectClient({ url, clock, signal }),
        waitTimeoutMs: flags.waitTimeout * 1_000,
        allowDeletions: flags.allowDeletions === true,
        ...{ connector, adminDatabaseUrl, port, registry, clock, progress, signal },
      }),
    );
    cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : renderReport(report));
  } finally {
    await port.close();
  }
}

interface Plan {
  readonly connector: ReturnType<typeof wantedConnector>;
  readonly flags: RecoverFlags;
  readonly cli: CliContext;
}

function sayPlan(standing: CaptureStanding, { connector, flags, cli }: Plan): void {
  const { name, slot, publication, tables } = connector;
  const epoch = standing.lastEpoch + 1;
  if (flags.json === true) {
    const plan = { isDryRun: true, epoch, gap: standing.gap ?? null };
    cli.out(`${JSON.stringify({ ...plan, connector: name, slot, publication, tables })}\n`);
    return;
  }
  const steps = [
    describeGap(standing),
    `would stop ${name} and forget how far it has read`,
    `would make the replication slot ${slot} anew, and the publication ${publication} where it is missing`,
    `would read again, as reading ${epoch}: ${tables.join(', ')}`,
    'would delete in their topics the rows that are not there any more, and let it go on',
  ];
  cli.out(steps.map((step) => `${step}\n`).join(''));
}

function describeGap({ gap }: CaptureStanding): string {
  if (gap === undefined) return 'no gap is known; whatever there is will be closed';
  return `${gap.reason} since ${new Date(gap.atMs).toISOString()}: ${gap.detail}`;
}

function renderReport({ epoch, tables, seconds }: RecoverReport): string {
  const lines = tables.map(
    ({ table, rows, inserted, changed, deleted }) =>
      `  ${table}: ${rows} rows read; missed: ${inserted} new, ${changed} changed, ${deleted} deleted`,
  );
  return [`recovered in ${seconds} s, reading ${epoch}`, ...lines, ''].join('\n');
}

function brokersOf({ brokers = '' }: ConnectorEndpoints): readonly string[] {
  if (brokers !== '') return brokers.split(',');
  throw new RollguardError('USAGE', 'KAFKA_BROKERS is not set: set it or give --brokers');
}

/** The connectors' setting may name either API of the registry; schemas are read by Confluent's. */
function confluentUrl(endpoints: ConnectorEndpoints): string {
  const url = requiredUrl(endpoints, 'registryUrl').replace(/\/+$/, '');
  return url.replace(/\/apis\/registry\/v2$/, '/apis/ccompat/v7');
}
