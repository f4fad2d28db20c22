/** What the API's description says of releases by hand and of the audit. */
import { z } from 'zod';
import { adminTokenHeader } from '../guard/admin-access.ts';
import { auditBody, auditSearchBody, manualReleasedBody } from '../guard/audit-body.ts';
import { auditSearchFields, lockAuditFields, manualReleaseFields } from '../guard/audit-fields.ts';
import { correlationHeader } from '../guard/caller.ts';
import { lockIdFields } from '../guard/guard-fields.ts';
import { documented } from '../openapi.ts';
import { problem } from '../problem.ts';
import { tenantField, tenantHeader } from '../request-fields.ts';
import {
  absent,
  answerHeaders,
  correlation,
  invalid,
  missing,
  noLock,
  ofReads,
  ofWrites,
  stale,
} from './lock-documents.ts';

const adminHeaders = z.object({
  [adminTokenHeader]: z
    .string()
    .meta({ description: 'one of AVAILABILITY_GUARD_ADMIN_TOKENS', examples: ['a-long-secret'] }),
  [tenantHeader]: tenantField
    .optional()
    .meta({ description: 'as tenantId', examples: ['7e000000-0000-4000-8000-000000000001'] }),
  [correlationHeader]: correlation,
});
const refused = problem(
  403,
  'ADMIN_TOKEN_REFUSED',
  `header ${adminTokenHeader}: is missing or not one of AVAILABILITY_GUARD_ADMIN_TOKENS`,
);

const manualRelease = documented({
  tags: ['audit'],
  summary: 'End a hold by hand',
  description: `Told to the recipients, if there are any. Ending it again changes and tells nothing. ${absent}`,
  headers: adminHeaders,
  params: lockIdFields,
  requestBody: manualReleaseFields,
  body: manualReleasedBody,
  answerHeaders,
  problems: [
    invalid('reason', 'must be text of 3 to 200 characters'),
    noLock,
    stale,
    ...ofWrites,
    refused,
  ],
});

const lockAudit = documented({
  tags: ['audit'],
  summary: 'Who did what to a lock, newest first',
  description: 'Of a lock that is forgotten, only the log of decisions still tells.',
  headers: adminHeaders,
  params: lockIdFields,
  querystring: lockAuditFields,
  body: auditBody,
  answerHeaders,
  problems: [invalid('lockId', 'must be a UUID'), noLock, ...ofReads, refused],
});

const searchAudit = documented({
  tags: ['audit'],
  summary: "Who did what to the locks of the token's tenants, newest first",
  description: `Every partition is asked, without lockId. While some do not answer: status 503 that names them,
or, with partial=true, the records of the others, and missingPartitions.`,
  headers: adminHeaders,
  querystring: auditSearchFields,
  body: auditSearchBody,
  answerHeaders,
  problems: [
    invalid('limit', 'must be a whole number from 1 to 1000'),
    ...ofReads,
    missing,
    refused,
  ],
});

export const auditDocuments = { manualRelease, lockAudit, searchAudit };
