/** How old an answer may be: HTTP says it in headers, gRPC in metadata, both with the same names. */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type { ReadOptions, ReadPosition } from '../topology/roll/roll-queries.ts';

/** Of an answer. */
export const positionHeader = 'x-rollguard-position';
export const standbyLagHeader = 'x-rollguard-standby-lag';
/** Of a request. */
export const minPositionHeader = 'x-rollguard-min-position';
export const allowStandbyHeader = 'x-rollguard-allow-standby';

/** For the description of the API. */
export const readHeaders = z.object({
  [minPositionHeader]: z
    .string()
    .optional()
    .describe(`what the answer has to show at least: an earlier answer's ${positionHeader}`),
  [allowStandbyHeader]: z
    .string()
    .optional()
    .describe(
      `true: a standby may answer where the owner does not; ${standbyLagHeader} then tells how far it is behind`,
    ),
});

export const answerHeaders = {
  [positionHeader]: 'which state the answer shows: partition:offset of its changelog',
  [standbyLagHeader]:
    "a standby answered: so many offsets it is behind its changelog's end, as it last heard; else absent",
};

/**
 * @param valueOf of a header or metadata entry; undefined or empty: not given, several: refused.
 * @throws REQUEST_INVALID
 */
export function readOptionsOf(
  valueOf: (name: string) => string | readonly string[] | undefined,
): ReadOptions {
  const textOf = (name: string): string => [valueOf(name) ?? ''].flat().join(', ');
  const [position, standby] = [textOf(minPositionHeader), textOf(allowStandbyHeader)];
  if (!['', 'true', 'false'].includes(standby)) {
    throw refusal(allowStandbyHeader, 'must be true or false');
  }
  const read = { allowsStandby: standby === 'true' };
  if (position === '') return read;
  const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(position) ?? [];
  if (partition === undefined || offset === undefined) {
    throw refusal(minPositionHeader, 'must be partition:offset, as an earlier answer told');
  }
  return { ...read, minPosition: { partition: Number(partition), offset: Number(offset) } };
}

/** Headers of an answer. */
export function positionHeaders(position: ReadPosition): Record<string, string> {
  const { partition, offset, standbyLag } = position;
  return {
    [positionHeader]: `${partition}:${offset}`,
    ...(standbyLag === undefined ? {} : { [standbyLagHeader]: String(standbyLag) }),
  };
}

function refusal(header: string, rule: string): RollguardError {
  const context = { violations: [{ field: header, message: rule }] };
  return new RollguardError('REQUEST_INVALID', `${header} ${rule}`, { context });
}
