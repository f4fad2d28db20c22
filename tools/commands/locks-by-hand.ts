/** `rollguard locks manual-release|audit`: what an admin token is needed for. */
import type { Command } from 'commander';
import type { AuditBody, AuditSearchBody, ManualReleasedBody } from '../../api/guard/audit-body.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { ApiClient } from '../api-client.ts';
import { showAnswer, tenantNote, type ApiVerbFlags } from '../api-verb.ts';
import { renderAudit } from '../locks/lock-report.ts';
import {
  lockPath,
  partialOption,
  tellMissing,
  verb,
  wholeNumber,
  write,
  writeVerb,
  type WriteFlags,
} from '../locks/lock-verbs.ts';

const tokenVariable = 'ROLLGUARD_ADMIN_TOKEN';
/** Not a flag: what is on a command line can be seen by everybody on the machine. */
const tokenNote = `
The admin token is read from ${tokenVariable}.${tenantNote}`;

interface ManualReleaseFlags extends WriteFlags {
  readonly actorId: string;
  readonly actorName: string;
  readonly actorEmail?: string;
  readonly notify?: readonly string[];
}

export function manualReleaseCommand(cli: CliContext): Command {
  return writeVerb('manual-release')
    .description('end a hold by hand: recorded with who did it, and told to who is to know')
    .argument('<lockId>')
    .requiredOption('--actor-id <id>', 'who ends it')
    .requiredOption('--actor-name <name>', 'their name')
    .option('--actor-email <address>', 'their e-mail address')
    .option('--reservation <id>', "only if it is this reservation's")
    .option('--notify <recipients...>', 'who is told, beside those of the settings')
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks manual-release 1c000000-0000-8000-8000-000000000001 --reason 'guest moved' \\
    --actor-id u-17 --actor-name 'Maija' --notify '#front-desk'

Releasing again changes nothing, and nobody is told again.
${tokenNote}`,
    )
    .action(async (lockId: string, flags: ManualReleaseFlags) => {
      const { actorId, actorName, actorEmail, notify, reservation, reason } = flags;
      const body = {
        ...{ tenantId: flags.tenant ?? cli.env['ROLLGUARD_TENANT_ID'], reason },
        ...{ reservationId: reservation, actorId, actorName, actorEmail, notify },
      };
      const path = `${lockPath(lockId)}/manual-release`;
      const secretHeaders = tokenHeaders(cli);
      const answer = await write(flags, cli, { method: 'POST', path, body, secretHeaders });
      if (answer === undefined) return;
      const { status, auditId } = answer as ManualReleasedBody;
      showAnswer(flags, cli, answer, () => `${status}, audit record ${auditId}\n`);
    });
}

interface AuditFlags extends ApiVerbFlags {
  readonly limit?: number;
  readonly partial?: true;
}

export function auditCommand(cli: CliContext): Command {
  return verb('audit')
    .description('who did what to a lock, or to all of a tenant, newest first')
    .argument('[lockId]')
    .option('--limit <count>', 'at most so many, up to 1000', wholeNumber)
    .addOption(partialOption())
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks audit 1c000000-0000-8000-8000-000000000001
  rollguard locks audit --limit 20 --json
${tokenNote}`,
    )
    .action(async (lockId: string | undefined, flags: AuditFlags) => {
      const path = lockId === undefined ? '/v1/locks/audit' : `${lockPath(lockId)}/audit`;
      // One lock is in one partition.
      const partial = lockId === undefined ? flags.partial : undefined;
      const query = { limit: flags.limit, partial };
      const secretHeaders = tokenHeaders(cli);
      const client = new ApiClient(flags, cli);
      const { body } = await client.ask({ method: 'GET', path, query, secretHeaders });
      showAnswer(flags, cli, body, () => renderAudit(body as AuditBody));
      tellMissing((body as AuditSearchBody).missingPartitions, cli);
    });
}

/** @throws CONFIG_INVALID */
function tokenHeaders({ env }: CliContext): Readonly<Record<string, string>> {
  const token = env[tokenVariable] ?? '';
  if (token !== '') return { 'x-guard-admin-token': token };
  throw new RollguardError('CONFIG_INVALID', `${tokenVariable} is not set: the admin token`);
}
