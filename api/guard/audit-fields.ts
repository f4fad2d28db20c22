/** Requests by hand and about the audit: shape and bounds of each field, and the command they become. */
import { z } from 'zod';
import type { AdminToken } from '../../kernel/admin-tokens.ts';
import type { ReleaseCommand } from '../../topology/guard/command.ts';
import { tenantField } from '../request-fields.ts';
import {
  exampleIds,
  fromCaller,
  id,
  partial,
  strict,
  text,
  textLengthMax,
  type Asker,
} from './guard-fields.ts';

const recordsMax = 1_000;
const recordsDefault = 100;
const notifyMax = 50;
const emailLengthMax = 320;

const reasonRule = `must be text of 3 to ${textLengthMax} characters, without control characters`;

export const manualReleaseFields = strict({
  ...fromCaller,
  tenantId: tenantField.describe('whose lock it is; one that the token is given for'),
  reservationId: id.optional().describe("when given, the lock must be this reservation's"),
  reason: text(textLengthMax)
    // Blanks at the ends do not count.
    .regex(/\S.+\S/u, reasonRule)
    .describe('why, for whoever asks later'),
  actorId: text(textLengthMax).describe('who releases it'),
  actorName: text(textLengthMax),
  actorEmail: z
    .email('must be an e-mail address')
    .max(emailLengthMax, `must be at most ${emailLengthMax} characters`)
    .optional(),
  notify: z
    .array(text(textLengthMax), 'must be a list of texts')
    .max(notifyMax, `must be at most ${notifyMax} recipients`)
    .optional()
    .describe(
      'who is told, beside those that a setting names: e-mail, phone number, @name, #channel',
    ),
}).meta({
  examples: [
    {
      tenantId: '7e000000-0000-4000-8000-000000000001',
      ...{
        reason: 'guest moved to another hotel',
        actorId: 'u-17',
        actorName: 'Maija Meikäläinen',
      },
      ...{ actorEmail: 'maija@hotel.example', notify: ['#front-desk'] },
    },
  ],
});

const limitRule = `must be a whole number from 1 to ${recordsMax}`;
const auditQuery = {
  tenantId: tenantField
    .optional()
    .describe('only of this tenant; absent: of all that the token is given for'),
  limit: z
    .int(limitRule)
    .min(1, limitRule)
    .max(recordsMax, limitRule)
    .default(recordsDefault)
    .meta({ description: `of records, newest first; ${recordsDefault}`, examples: [100] }),
};

export const lockAuditFields = strict(auditQuery);
export const auditSearchFields = strict({
  ...auditQuery,
  lockId: id.optional().meta({ description: 'only of this lock', examples: [exampleIds.lockId] }),
  partial,
});

/** Which hold, on whose word, and who is to be told. */
export interface ManualTarget {
  readonly lockId: string;
  readonly admin: AdminToken;
  readonly recipients: readonly string[];
}

export function manualReleaseCommandOf(
  fields: z.output<typeof manualReleaseFields>,
  asker: Asker,
  { lockId, admin, recipients }: ManualTarget,
): ReleaseCommand {
  const { reason, reservationId, metadata = {} } = fields;
  const { actorId, actorName: name, actorEmail: email } = fields;
  return {
    kind: 'release',
    ...{ tenantId: asker.tenantId, reason, actor: actorId, metadata },
    ...{ correlationId: asker.correlationId, lockId, reservationId, version: undefined },
    manual: { actor: { id: actorId, name, email, tokenId: admin.id }, recipients },
  };
}

/** Those that the request names, then those of the setting, each once. */
export function recipientsOf(
  { notify = [] }: Pick<z.output<typeof manualReleaseFields>, 'notify'>,
  configured: readonly string[],
): readonly string[] {
  return [...new Set([...notify, ...configured])];
}
