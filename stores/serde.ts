/**
 * How keys and values become bytes. What is written must be what is read again: a value that would
 * come back as another one is refused. Where a serde is for keys, byte order of the result is key order.
 */
import { copyOf } from '../kernel/bytes.ts';
import { RollguardError } from '../kernel/errors.ts';

export interface Serde<T> {
  /** The buffer is the receiver's from now on. @throws ENCODE_FAILED */
  serialize(value: T): Buffer;
  /** @throws DECODE_FAILED */
  deserialize(bytes: Buffer): T;
  /**
   * For keys: what `serialize` gives as its name (`keyName`), where that can be had without the bytes.
   * Undefined: not of this value.
   */
  name?(value: T): string | undefined;
}

/** UTF-8; in order of code points. */
export const stringSerde: Serde<string> = {
  serialize: (value) => {
    // Lone surrogates have no UTF-8: different strings would become the same key.
    if (/\p{Surrogate}/u.test(value)) throw encodeFailed('a string holds half a surrogate pair');
    return Buffer.from(value, 'utf8');
  },
  deserialize: (bytes) => bytes.toString('utf8'),
  name: (value) => (isAscii(value) ? value : undefined),
};

/** Copies, so that a slice does not keep the whole network response it was cut from alive. */
export const bytesSerde: Serde<Buffer> = {
  serialize: copyOf,
  deserialize: (bytes) => bytes,
};

// Slices of what a broker answered are not kept: each would keep all of that.
const rememberedMemoryMax = 64 * 1024;

/**
 * Remembers the last so many values by their bytes: what was written or read a moment ago is read again without
 * being decoded. Values are shared, so nobody may change one.
 */
export function rememberingSerde<T>(serde: Serde<T>, valuesMax: number): Serde<T> {
  const values = new Map<Buffer, T>();
  const remember = (bytes: Buffer, value: T): void => {
    if (bytes.buffer.byteLength > rememberedMemoryMax) return;
    values.set(bytes, value);
    if (values.size <= valuesMax) return;
    const [oldest] = values.keys();
    if (oldest !== undefined) values.delete(oldest);
  };
  return {
    serialize: (value) => {
      const bytes = serde.serialize(value);
      remember(bytes, value);
      return bytes;
    },
    deserialize: (bytes) => {
      const known = values.get(bytes);
      if (known !== undefined) return known;
      const value = serde.deserialize(bytes);
      remember(bytes, value);
      return value;
    },
  };
}

const signBit = 1n << 63n;

/** Signed 64-bit integers in numeric order: big-endian with the sign bit turned over. */
export const int64Serde: Serde<bigint> = {
  serialize: (value) => {
    if (BigInt.asIntN(64, value) !== value) throw encodeFailed(`${value} does not fit 64 bits`);
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, value) ^ signBit);
    return bytes;
  },
  deserialize: (bytes) => {
    if (bytes.length !== 8) {
      throw new RollguardError('DECODE_FAILED', `an int64 has 8 bytes, not ${bytes.length}`);
    }
    return BigInt.asIntN(64, bytes.readBigUInt64BE() ^ signBit);
  },
};

/** For values only: JSON text has no useful order. T must be what JSON can hold. */
export function jsonSerde<T>(): Serde<T> {
  return {
    serialize: (value) => {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw encodeFailed(`a ${typeof value} has no JSON`);
      return Buffer.from(text, 'utf8');
    },
    deserialize: (bytes) => {
      try {
        return JSON.parse(bytes.toString('utf8')) as T;
      } catch (cause) {
        throw new RollguardError('DECODE_FAILED', 'a stored value is not JSON', { cause });
      }
    },
  };
}

const partEnd = '\u0000';

/**
 * Keys of several strings, in order part by part. Every part is ended by U+0000, which no part may
 * hold: so ('a|b', 'c') and ('a', 'b|c') stay different, and the bytes of the first parts are the
 * prefix of exactly the keys that begin with these parts.
 */
export const compositeSerde: Serde<readonly string[]> = {
  serialize: (parts) => {
    let text = '';
    for (const part of parts) {
      if (part.includes(partEnd)) throw encodeFailed('a part of a composite key holds U+0000');
      text += part + partEnd;
    }
    return stringSerde.serialize(text);
  },
  deserialize: (bytes) => bytes.toString('utf8').split(partEnd).slice(0, -1),
  name: (parts) => {
    let name = '';
    for (const part of parts) {
      if (part.includes(partEnd)) return undefined;
      name += part + partEnd;
    }
    return isAscii(name) ? name : undefined;
  },
};

/** One byte a character: then the text is the name of its own bytes. */
function isAscii(value: string): boolean {
  return Buffer.byteLength(value, 'utf8') === value.length;
}

function encodeFailed(message: string): RollguardError {
  return new RollguardError('ENCODE_FAILED', message);
}
