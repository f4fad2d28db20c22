/** `rollguard connectors restart`: the connector and its tasks, as they are configured. */
import type { Command } from 'commander';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { defaultConnectorName } from '../../connectors/platform-connector.ts';
import { restartConnector } from '../../connectors/reconcile.ts';
import type { CliContext } from '../cli-context.ts';
import {
  commandWithSettings,
  defaultWaitSeconds,
  localStackNote,
  positive,
  untilInterrupted,
} from '../connectors/connector-command.ts';
import { renderStatus } from '../connectors/connector-report.ts';
import {
  connectorEndpoints,
  readOverrides,
  requiredUrl,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';
import { warnOfOpenConnect } from '../connectors/open-connect.ts';

interface RestartFlags extends ConnectorFlags {
  readonly failedOnly?: true;
  readonly waitTimeout: number;
}

export function restartCommand(cli: CliContext): Command {
  return commandWithSettings('restart')
    .description('start the connector and its tasks again, and wait until they run')
    .option('--failed-only', 'only what is FAILED')
    .option('--wait-timeout <seconds>', 'until the tasks run', positive, defaultWaitSeconds)
    .addHelpText('after', examples)
    .action((flags: RestartFlags) => restart(flags, cli));
}

const examples = `
Examples:
  rollguard connectors restart --failed-only
  rollguard connectors restart --wait-timeout 300 --json
${localStackNote}`;

async function restart(flags: RestartFlags, cli: CliContext): Promise<void> {
  const url = requiredUrl(connectorEndpoints(flags, cli), 'connectUrl');
  const name = readOverrides(flags.config).name ?? defaultConnectorName;
  const { clock, progress } = cli;
  const status = await untilInterrupted((signal) =>
    restartConnector({
      client: new ConnectClient({ url, clock, signal }),
      failedOnly: flags.failedOnly === true,
      waitTimeoutMs: flags.waitTimeout * 1_000,
      ...{ name, clock, progress, signal },
    }),
  );
  const warnings = await warnOfOpenConnect(url, cli);
  if (flags.json === true)
    cli.out(`${JSON.stringify({ connectors: [{ name, status }], warnings })}\n`);
  else cli.out(renderStatus(name, status));
}
