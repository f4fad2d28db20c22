/** `rollguard connectors delete`: ends the capture; says what stays. */
import type { Command } from 'commander';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { dropSlotWhenFree } from '../../connectors/replication-slot.ts';
import { deleteConnector } from '../../connectors/delete-connector.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { commandWithSettings, localStackNote } from '../connectors/connector-command.ts';
import {
  connectorEndpoints,
  readOverrides,
  requiredUrl,
  type ConnectorFlags,
} from '../connectors/connector-settings.ts';
import { warnOfOpenConnect } from '../connectors/open-connect.ts';

interface DeleteFlags extends ConnectorFlags {
  readonly yes?: true;
  readonly dropSlot?: true;
  readonly dryRun?: true;
}

const waitTimeoutMs = 60_000;

export function deleteCommand(cli: CliContext): Command {
  return commandWithSettings('delete')
    .description('take the connector out of Connect: capture ends')
    .option('--yes', 'really')
    .option('--drop-slot', 'drop its replication slot too: changes from now on are lost to capture')
    .option(
      '--admin-database-url <url>',
      "superuser on the platform's Postgres, for --drop-slot (default: PLATFORM_ADMIN_DATABASE_URL)",
    )
    .option('--dry-run', 'only say what would be done')
    .addHelpText('after', examples)
    .action((flags: DeleteFlags) => remove(flags, cli));
}

const examples = `
Examples:
  rollguard connectors delete --dry-run
  rollguard connectors delete --yes
  rollguard connectors delete --yes --drop-slot

Without --drop-slot the replication slot stays: Postgres keeps every byte of WAL for it until the connector
is applied again, which then goes on where it stopped. With it, Connect also forgets how far it has read,
and a new connector begins with a new snapshot: deletions and steps since the last read are not in it.
${localStackNote}`;

async function remove(flags: DeleteFlags, cli: CliContext): Promise<void> {
  const endpoints = connectorEndpoints(flags, cli);
  const { name, slot } = platformConnector({
    databaseUrl: 'postgres://any/any',
    registryUrl: 'http://any/apis/registry/v2',
    passwordReference: '${env:ANY}',
    overrides: readOverrides(flags.config),
  });
  const isDry = flags.dryRun === true;
  if (flags.yes !== true && !isDry) {
    throw new RollguardError(
      'USAGE',
      `deleting ${name} ends the capture: give --yes, or look first with --dry-run`,
    );
  }
  const client = new ConnectClient({ url: requiredUrl(endpoints, 'connectUrl'), clock: cli.clock });
  const adminUrl = flags.dropSlot === true ? requiredUrl(endpoints, 'adminDatabaseUrl') : undefined;
  const wasThere = (await client.config(name)) !== undefined;
  if (wasThere && !isDry) {
    const forgetOffsets = adminUrl !== undefined;
    await deleteConnector({ client, name, clock: cli.clock, waitTimeoutMs, forgetOffsets });
  }
  if (adminUrl !== undefined && !isDry) await dropSlotWhenFree(adminUrl, slot, cli.clock);
  const warnings = await warnOfOpenConnect(client.url, cli);
  const connector = wasThere ? (isDry ? 'would be deleted' : 'deleted') : 'was not there';
  const slotText =
    adminUrl === undefined
      ? 'stays, and holds WAL back until the connector is applied again'
      : isDry
        ? 'would be dropped: a new connector needs a new snapshot'
        : 'dropped: a new connector needs a new snapshot';
  if (flags.json === true)
    cli.out(`${JSON.stringify({ name, connector, slot, slotText, warnings })}\n`);
  else cli.out(`${name}: ${connector}\nreplication slot ${slot}: ${slotText}\n`);
}
