/**
 * Avro values as bytes and back (the only importer of avsc). Longs beyond 2^53 become bigints instead
 * of losing digits: Debezium sends nanoseconds.
 */
import avro from 'avsc';
import { RollguardError } from '../kernel/errors.ts';
import { wireHeaderBytes, writeHeader } from './wire-format.ts';

/** A schema as parsed JSON. */
export type AvroSchema = string | readonly AvroSchema[] | AvroSchemaObject;
export interface AvroSchemaObject {
  readonly type: AvroSchema;
  readonly name?: string;
  readonly namespace?: string;
  readonly fields?: readonly AvroField[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly symbols?: readonly string[];
  readonly [attribute: string]: unknown;
}
export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly default?: unknown;
  readonly [attribute: string]: unknown;
}

/** Reads the Avro bytes of one writer schema. */
export type AvroReader = (payload: Buffer) => unknown;

/** avsc takes a long's bytes out of it at once. */
const longBytes = Buffer.alloc(8);
const highHalf = 2 ** 32;

const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const value = bytes.readBigInt64LE();
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  },
  toBuffer: (value: number | bigint) => {
    if (typeof value === 'bigint') {
      longBytes.writeBigInt64LE(value);
    } else {
      longBytes.writeInt32LE(value | 0, 0);
      longBytes.writeInt32LE(Math.floor(value / highHalf), 4);
    }
    return longBytes;
  },
  fromJSON: (value: number | bigint) => value,
  toJSON: (value: number | bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
  compare: (left: number | bigint, right: number | bigint) =>
    left < right ? -1 : left > right ? 1 : 0,
});

/** @throws SCHEMA_INVALID when the schema does not parse. */
export function avroReader(writer: AvroSchema, reader: AvroSchema = writer): AvroReader {
  const type = typeOf(reader);
  const resolver = reader === writer ? undefined : type.createResolver(typeOf(writer));
  return (payload) => {
    try {
      const value: unknown = type.fromBuffer(payload, resolver);
      return value;
    } catch (error) {
      throw new RollguardError('DECODE_FAILED', 'the bytes do not match their Avro schema', {
        cause: error,
      });
    }
  };
}

/** Writes values of a schema in the Confluent wire format, into one buffer each. */
export function avroWriter(schema: AvroSchema, schemaId: number): (value: unknown) => Buffer {
  const type = typeOf(schema);
  // Grows to the largest value seen; a value that does not fit is written again.
  let scratch = Buffer.allocUnsafe(1_024);
  const encode = (value: unknown): number => {
    try {
      return type.encode(value, scratch, wireHeaderBytes);
    } catch (error) {
      // Every value is checked as it is written; where it lies is only looked for when one is wrong.
      const path = firstInvalidPath(type, value);
      const message = `field ${path} does not match the Avro schema`;
      throw new RollguardError('ENCODE_FAILED', message, { cause: error });
    }
  };
  return (value) => {
    let end = encode(value);
    if (end < 0) {
      // A negative answer is how many bytes were missing.
      scratch = Buffer.allocUnsafe((scratch.length - end) * 2);
      end = encode(value);
    }
    const bytes = Buffer.allocUnsafe(end);
    scratch.copy(bytes, 0, 0, end);
    writeHeader(bytes, schemaId);
    return bytes;
  };
}

/** Why data of the writer schema cannot be read with the reader schema; undefined: it can. */
export function resolutionError(writer: AvroSchema, reader: AvroSchema): string | undefined {
  try {
    typeOf(reader).createResolver(typeOf(writer));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function typeOf(schema: AvroSchema): avro.Type {
  try {
    return avro.Type.forSchema(schema as avro.Schema, { registry: { long } });
  } catch (error) {
    throw new RollguardError('SCHEMA_INVALID', 'the Avro schema does not parse', { cause: error });
  }
}

function firstInvalidPath(type: avro.Type, value: unknown): string {
  let path: string | undefined;
  type.isValid(value, {
    errorHook: (found: readonly string[]) => {
      path ??= found.join('.');
    },
  });
  return path ?? '(root)';
}
