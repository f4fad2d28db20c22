/**
 * Which reading of the platform's tables a captured record is of. A stream that lost its place (the slot was
 * dropped, another server took over) is read anew from the beginning, and what is read then is newer than
 * all before, whatever its LSN: LSNs compare within one database system and timeline only. So the connector
 * writes the number of its reading into a header; records of the first one have none.
 */

/** As Debezium's records carry it: decimal digits. */
export const captureEpochHeader = 'rollguard-epoch';

/** The number of the first reading. */
export const firstEpoch = 0;
/** So many readings a version has room for (eight hexadecimal digits). */
export const epochMax = 2 ** 31 - 1;

interface Header {
  readonly key: string;
  readonly value: Buffer | null;
}

/** @returns undefined for a header that is no epoch: whose record it is cannot be ordered. */
export function readCaptureEpoch(headers: readonly Header[]): number | undefined {
  if (headers.length === 0) return firstEpoch;
  const header = headers.find(({ key }) => key === captureEpochHeader);
  if (header === undefined) return firstEpoch;
  const text = header.value?.toString('utf8') ?? '';
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const epoch = Number(text);
  return epoch <= epochMax ? epoch : undefined;
}
