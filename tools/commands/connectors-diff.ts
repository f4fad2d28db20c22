/** `rollguard connectors diff`: what Connect has against what is wanted. */
import type { Command } from 'commander';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { toConnect } from '../../connectors/debezium-postgres.ts';
import { diffConnectors } from '../../connectors/reconcile.ts';
import type { CliContext } from '../cli-context.ts';
import { commandWithSettings, localStackNote } from '../connectors/connector-command.ts';
import { renderDifference } from '../connectors/connector-report.ts';
import {
  connectorEndpoints,
  requiredUrl,
  wantedConnector,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';
import { warnOfOpenConnect } from '../connectors/open-connect.ts';

const differenceExitCode = 3;

export function diffCommand(cli: CliContext): Command {
  return commandWithSettings('diff')
    .description('compare the configuration in Connect with the wanted one; exit 3 on a difference')
    .addHelpText('after', examples)
    .action((flags: ConnectorFlags) => diff(flags, cli));
}

const examples = `
Examples:
  rollguard connectors diff
  rollguard connectors diff --connect-url http://connect:8083 --json

\`rollguard connectors apply\` makes them equal. A connector that is missing is a difference.
${localStackNote}`;

async function diff(flags: ConnectorFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const client = new ConnectClient({ url: requiredUrl(endpoints, 'connectUrl'), clock: cli.clock });
  const connectors = [toConnect(wantedConnector(endpoints, flags))];
  const results = await diffConnectors({ client, connectors, clock: cli.clock });
  const warnings = await warnOfOpenConnect(client.url, cli);
  const isEqual = results.every(({ changes }) => changes.length === 0);
  if (!isEqual) cli.exitCode = differenceExitCode;
  if (flags.json === true)
    cli.out(`${JSON.stringify({ isEqual, connectors: results, warnings })}\n`);
  else cli.out(results.map(renderDifference).join(''));
}
