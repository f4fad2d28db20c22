/** How keys and values become bytes. Key serdes keep order: byte order of the result is key order. */
import { RollguardError } from '../kernel/errors.ts';

export interface Serde<T> {
  serialize(value: T): Buffer;
  deserialize(bytes: Buffer): T;
}

export const stringSerde: Serde<string> = {
  serialize: (value) => Buffer.from(value, 'utf8'),
  deserialize: (bytes) => bytes.toString('utf8'),
};

export const bytesSerde: Serde<Buffer> = {
  serialize: (value) => value,
  deserialize: (bytes) => bytes,
};

/** For values only: JSON text has no useful order. */
export function jsonSerde<T>(): Serde<T> {
  return {
    serialize: (value) => Buffer.from(JSON.stringify(value), 'utf8'),
    deserialize: (bytes) => JSON.parse(bytes.toString('utf8')) as T,
  };
}

const separator = '\u0000';

/**
 * Keys of several strings, ordered part by part. A part may not hold U+0000, which ends it: so
 * ('a|b', 'c') and ('a', 'b|c') stay different, and a shorter part comes first.
 */
export const compositeSerde: Serde<readonly string[]> = {
  serialize: (parts) => Buffer.from(parts.map(checkedPart).join(separator), 'utf8'),
  deserialize: (bytes) => bytes.toString('utf8').split(separator),
};

/** The bytes that every key beginning with these whole parts begins with. */
export function compositePrefix(parts: readonly string[]): Buffer {
  return Buffer.from(`${parts.map(checkedPart).join(separator)}${separator}`, 'utf8');
}

function checkedPart(part: string): string {
  if (!part.includes(separator)) return part;
  throw new RollguardError('ENCODE_FAILED', 'a part of a composite key must not contain U+0000');
}
