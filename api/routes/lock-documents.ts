/** What the API's description says of `/v1/locks` and `/v1/availability`. */
import { z } from 'zod';
import { correlationHeader } from '../guard/caller.ts';
import {
  bulkReleaseFields,
  lockFields,
  lockIdFields,
  locksFields,
  nightsFields,
  releaseFields,
} from '../guard/guard-fields.ts';
import {
  availabilityBody,
  bulkReleasedBody,
  lockBody,
  lockedBody,
  locksBody,
  refusedBody,
  releasedBody,
} from '../guard/lock-body.ts';
import { missingPartitionExample } from '../missing-partitions.ts';
import { documented, tenantHeaders } from '../openapi.ts';
import { problem, problemOf, type Problem } from '../problem.ts';
import { fieldError, headerText } from '../request-fields.ts';

export const correlation = headerText(200)
  .optional()
  .meta({
    description: 'tells this request apart in logs and events; made when absent, and sent back',
    examples: ['c0000000-0000-4000-8000-000000000001'],
  });
const key = z
  .string()
  .optional()
  .meta({ description: "instead of the body's idempotencyKey", examples: ['order-17'] });
const readHeaders = tenantHeaders.extend({ [correlationHeader]: correlation });
const lockHeaders = readHeaders.extend({ 'idempotency-key': key });
export const answerHeaders = { [correlationHeader]: "the request's, or the one that was made" };

export const invalid = (field: string, message: string): Problem =>
  problemOf(fieldError({ field, message }));
const unexpected = problemOf(undefined);
const notReady = problem(503, 'NOT_READY', 'guard_2 is restoring; try again shortly');
const unknown = problem(
  503,
  'OUTCOME_UNKNOWN',
  'whether it was done is unknown; repeat it with the same idempotency key',
);
/** Of a read without a key. */
export const missing = {
  ...problem(
    503,
    'NOT_READY',
    'no answer from guard_2; try again shortly, or take what the others have with partial=true (gRPC: allow_partial)',
  ),
  missingPartitions: [missingPartitionExample],
};
const late = problem(504, 'DEADLINE_EXCEEDED', 'the call was not decided in time');
const full = problem(429, 'QUEUE_FULL', 'guard_2 has 10000 calls waiting; try again shortly');
const otherTenant = problem(403, 'TENANT_MISMATCH', 'tenantId: is not the tenant that asks');
export const noLock = problem(404, 'NOT_FOUND', 'no lock … is known for this tenant');
export const stale = problem(412, 'PRECONDITION_FAILED', 'version: is 18 by now');
const tooLarge = problem(413, 'REQUEST_INVALID', 'body: must be at most 1 MiB');
const noJson = problem(415, 'REQUEST_INVALID', 'header content-type: must be application/json');

export const ofReads = [unexpected, notReady, late];
export const ofWrites = [otherTenant, tooLarge, noJson, full, unexpected, unknown, late];
export const absent = 'In a body, null and empty texts and lists count as absent.';

const lock = documented({
  tags: ['locks'],
  summary: 'Hold a room, or a room of a type',
  description: `The same slot and body give the same answer; another body changes the lock. ${absent}`,
  headers: lockHeaders,
  requestBody: lockFields,
  body: lockedBody,
  otherBodies: { 409: { description: 'CONFLICT: nothing was changed', body: refusedBody } },
  answerHeaders,
  problems: [invalid('stayEnd', 'must be after stayStart'), stale, ...ofWrites],
});

const release = documented({
  tags: ['locks'],
  summary: 'End a hold',
  description: `Ending it again gives the same lock. ${absent}`,
  headers: readHeaders,
  params: lockIdFields,
  requestBody: releaseFields,
  body: releasedBody,
  answerHeaders,
  problems: [invalid('lockId', 'must be a UUID'), noLock, stale, ...ofWrites],
});

const bulkRelease = documented({
  tags: ['locks'],
  summary: 'End many holds',
  description: `Exactly one of lockIds, reservationId, reservationIds, roomId and roomTypeId says which.
Every partition that may have some is asked at once. When some do not answer, the answer tells what the others
did, with complete false, and names the missing; the same request again does the rest. When none answers: status 503. ${absent}`,
  headers: readHeaders,
  requestBody: bulkReleaseFields,
  body: bulkReleasedBody,
  answerHeaders,
  problems: [invalid('lockIds', 'must be at most 10000 ids'), ...ofWrites],
});

const get = documented({
  tags: ['locks'],
  summary: 'One lock',
  headers: readHeaders,
  params: lockIdFields,
  body: lockBody,
  answerHeaders,
  problems: [invalid('lockId', 'must be a UUID'), noLock, ...ofReads],
});

const list = documented({
  tags: ['locks'],
  summary: 'The locks of a room, a room type or a reservation, page by page',
  description: `Without roomTypeId every partition is asked. While some do not answer: status 503 that names them,
or, with partial=true, the locks of the others, and missingPartitions. What a missing partition has before
nextCursor is on no later page either, even when it answers again: then ask from the start. With roomTypeId
one partition has them all, and partial changes nothing.`,
  headers: readHeaders,
  querystring: locksFields,
  body: locksBody,
  answerHeaders,
  problems: [
    invalid('roomId', 'give exactly one of roomId, roomTypeId and reservationId'),
    ...ofReads,
    missing,
  ],
});

const availability = documented({
  tags: ['availability'],
  summary: 'How many rooms of a type are free, night by night',
  headers: readHeaders,
  querystring: nightsFields,
  body: availabilityBody,
  answerHeaders,
  problems: [invalid('to', 'must be after from'), ...ofReads],
});

export const lockDocuments = { lock, release, bulkRelease, get, list, availability };
