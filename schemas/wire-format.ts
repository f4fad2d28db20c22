/**
 * The Confluent wire format: a zero byte, the schema's id as four bytes (big-endian), the Avro bytes.
 */
import { RollguardError } from '../kernel/errors.ts';

const magic = 0;
export const wireHeaderBytes = 5;

export interface Framed {
  readonly schemaId: number;
  readonly payload: Buffer;
}

export function frame(schemaId: number, payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(wireHeaderBytes + payload.length);
  writeHeader(framed, schemaId);
  framed.set(payload, wireHeaderBytes);
  return framed;
}

/** Writes the header into the first five bytes of `target`. */
export function writeHeader(target: Buffer, schemaId: number): void {
  target[0] = magic;
  target.writeUInt32BE(schemaId, 1);
}

/** @throws WIRE_FORMAT saying what was found instead. */
export function unframe(bytes: Buffer): Framed {
  if (bytes.length < wireHeaderBytes) {
    throw new RollguardError(
      'WIRE_FORMAT',
      `${bytes.length} bytes are too short for the Confluent wire format (magic byte and schema id take ${wireHeaderBytes})`,
    );
  }
  if (bytes[0] !== magic) {
    const found = `0x${(bytes[0] ?? 0).toString(16).padStart(2, '0')}`;
    throw new RollguardError(
      'WIRE_FORMAT',
      `the first byte is ${found}, the Confluent wire format begins with 0x00`,
    );
  }
  return { schemaId: bytes.readUInt32BE(1), payload: bytes.subarray(wireHeaderBytes) };
}
