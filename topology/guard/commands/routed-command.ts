/**
 * A command on its way to the partition that decides it, with the record it came in: should it be refused
 * there, the dead-letter topic gets that record byte for byte.
 */
import type { FetchedRecord, RecordHeader, RecordOrigin } from '../../../streams/index.ts';
import type { CommandInput } from '../input.ts';

/** Bytes in base64: it travels as JSON. */
export interface OriginalRecord extends RecordOrigin {
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [key: string, value: string | null])[];
}

export interface RoutedCommand {
  readonly kind: 'routed-command';
  readonly input: CommandInput;
  readonly original: OriginalRecord;
}

export function originalOf(record: FetchedRecord, origin: RecordOrigin): OriginalRecord {
  const { topic, partition, offset } = origin;
  return {
    ...{ topic, partition, offset, timestampMs: record.timestampMs },
    key: textOf(record.key),
    value: textOf(record.value),
    headers: record.headers.map(({ key, value }) => [key, textOf(value)]),
  };
}

/** The record as it was read. */
export function recordOf(original: OriginalRecord): FetchedRecord {
  const { offset, timestampMs, headers } = original;
  return {
    ...{ offset, timestampMs },
    key: bytesOf(original.key),
    value: bytesOf(original.value),
    headers: headers.map(([key, value]): RecordHeader => ({ key, value: bytesOf(value) })),
  };
}

function textOf(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('base64');
}

function bytesOf(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64');
}
