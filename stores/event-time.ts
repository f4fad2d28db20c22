/** Points in event time as bytes: milliseconds since 1970 in eight of them, whose order is time's. */
import { RollguardError } from '../kernel/errors.ts';

export const timeBytes = 8;
export const timeMaxMs = Number.MAX_SAFE_INTEGER;

const halfRange = 2 ** 32;

/** @throws ENCODE_FAILED for what is before 1970 or no whole number. */
export function writeTime(timeMs: number, bytes: Buffer, at: number): void {
  if (!Number.isSafeInteger(timeMs) || timeMs < 0) {
    throw new RollguardError('ENCODE_FAILED', `${timeMs} is no time: milliseconds since 1970`);
  }
  bytes.writeUInt32BE(Math.floor(timeMs / halfRange), at);
  bytes.writeUInt32BE(timeMs % halfRange, at + 4);
}

export function readTime(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * halfRange + bytes.readUInt32BE(at + 4);
}
