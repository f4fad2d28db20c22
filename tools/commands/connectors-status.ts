/** `rollguard connectors status`: whether rows flow, and how far capture is behind. */
import type { Command } from 'commander';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { verdictOf } from '../../connectors/connector-health.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import type { CliContext } from '../cli-context.ts';
import { captureVerdict } from '../connectors/capture-verdict.ts';
import { readCaptureLag } from '../connectors/capture-lag.ts';
import { commandWithSettings, localStackNote } from '../connectors/connector-command.ts';
import { renderCapture, renderLag, renderStatus } from '../connectors/connector-report.ts';
import {
  connectorEndpoints,
  readOverrides,
  requiredUrl,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';
import { warnOfOpenConnect } from '../connectors/open-connect.ts';

export function statusCommand(cli: CliContext): Command {
  return commandWithSettings('status')
    .description(
      'how the connector and its tasks are, slot lag and heartbeats; exit 1 unless they run',
    )
    .option('--brokers <list>', 'Kafka, for the heartbeats (default: KAFKA_BROKERS)')
    .addHelpText('after', examples)
    .action((flags: ConnectorFlags) => status(flags, cli));
}

const examples = `
Examples:
  rollguard connectors status
  rollguard connectors status --connect-url http://connect:8083 --json

Exit 1 when the connector is missing, it or a task does not run, or captured changes are missing. The slot's lag needs
PLATFORM_DATABASE_URL, the heartbeats KAFKA_BROKERS; what cannot be asked is said to be unknown.
${localStackNote}`;

async function status(flags: ConnectorFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const url = requiredUrl(endpoints, 'connectUrl');
  const { name, slot, topicPrefix } = platformConnector({
    databaseUrl: 'postgres://any/any',
    registryUrl: 'http://any/apis/registry/v2',
    passwordReference: '${env:ANY}',
    overrides: readOverrides(flags.config),
  });
  const client = new ConnectClient({ url, clock: cli.clock });
  const found = await client.status(name);
  const verdict = verdictOf(found);
  if (verdict !== 'running') cli.exitCode = 1;
  const { databaseUrl, adminDatabaseUrl } = endpoints.urls;
  const places = {
    ...{ slot, topicPrefix, brokers: endpoints.brokers, clock: cli.clock },
    // Within the local stack the first is the role of the connector, whose password Connect has.
    databaseUrl: adminDatabaseUrl ?? databaseUrl,
  };
  const lag = await readCaptureLag(places);
  const capture = await captureVerdict({ ...places, connect: client, connectorName: name });
  if ('value' in capture && capture.value.kind === 'gap') cli.exitCode = 1;
  const warnings = await warnOfOpenConnect(url, cli);
  const connectors = [{ name, verdict, status: found, ...lag, capture }];
  if (flags.json === true) cli.out(`${JSON.stringify({ connectors, warnings })}\n`);
  else cli.out(`${renderStatus(name, found)}${renderLag(slot, lag)}${renderCapture(capture)}`);
}
