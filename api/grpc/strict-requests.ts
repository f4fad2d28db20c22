/**
 * Requests that say only what is understood. protobuf lets unknown fields pass; here they would be a
 * condition (a `version`, say) that a caller relies on and nobody checks, so they are refused by name.
 * A refusal is part of the decoded value: what a decoder throws reaches the caller as INTERNAL.
 */
import { isUtf8 } from 'node:buffer';
import type {
  MessageTypeDefinition,
  MethodDefinition,
  PackageDefinition,
  ServiceDefinition,
} from '@grpc/proto-loader';
import type { Violation } from '../problem.ts';

/** Wire types: every field of our requests is a whole number, a text, a map or a message. */
const varint = 0;
const lengthDelimited = 2;

/** What a method's `requestDeserialize` of a strict service gives. */
export interface StrictRequest {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly violation: Violation | undefined;
}

/** The same service, its requests decoded as StrictRequest. */
export function strictService(
  service: ServiceDefinition,
  offered: PackageDefinition,
): ServiceDefinition {
  const strict = Object.entries(service).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: strictDecoder(method, offered) },
  ]);
  return Object.fromEntries(strict) as ServiceDefinition;
}

/** A message's fields by number, as far as they are checked. */
type KnownFields = ReadonlyMap<number, KnownField>;
interface KnownField {
  readonly name: string;
  readonly wireType: number;
  readonly isText: boolean;
  /** Of a message of the contract. */
  readonly inner: KnownFields | undefined;
}

interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly typeName: string;
}

function strictDecoder(
  { path, requestType, requestDeserialize }: MethodDefinition<object, object>,
  offered: PackageDefinition,
): (bytes: Buffer) => StrictRequest {
  const packageName = path.slice(1, path.lastIndexOf('.', path.indexOf('/', 1)));
  const known = knownFields(requestType, { offered, packageName });
  return (bytes) => {
    const violation = findViolation(bytes, known, '');
    if (violation !== undefined) return { fields: {}, violation };
    try {
      return { fields: requestDeserialize(bytes) as StrictRequest['fields'], violation };
    } catch {
      return { fields: {}, violation: { field: 'request', message: 'is no protobuf message' } };
    }
  };
}

function knownFields(
  { type }: MessageTypeDefinition<object, object>,
  where: { readonly offered: PackageDefinition; readonly packageName: string },
): KnownFields {
  const { field } = type as { readonly field: readonly FieldDescriptor[] };
  return new Map(
    field.map(({ name, number, type: kind, typeName }) => {
      const inner = where.offered[`${where.packageName}.${typeName}`] as
        MessageTypeDefinition<object, object> | undefined;
      return [
        number,
        {
          name,
          wireType: kind === 'TYPE_STRING' || kind === 'TYPE_MESSAGE' ? lengthDelimited : varint,
          isText: kind === 'TYPE_STRING',
          inner: inner && knownFields(inner, where),
        },
      ];
    }),
  );
}

/** The first field that is not known, of another type, or whose text is not UTF-8. */
function findViolation(bytes: Buffer, known: KnownFields, path: string): Violation | undefined {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const number = Math.floor(tag.value / 8);
    const field = known.get(number);
    if (field === undefined) {
      return { field: `${path}field ${number}`, message: 'is no known field' };
    }
    if (tag.value % 8 !== field.wireType) {
      return { field: `${path}${field.name}`, message: 'is not of its type' };
    }
    const head = readVarint(bytes, tag.end);
    at = field.wireType === varint ? head.end : head.end + head.value;
    const violation = valueViolation(bytes.subarray(head.end, at), field, path);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function valueViolation(bytes: Buffer, field: KnownField, path: string): Violation | undefined {
  if (field.inner !== undefined) return findViolation(bytes, field.inner, `${path}${field.name}.`);
  return field.isText && !isUtf8(bytes)
    ? { field: `${path}${field.name}`, message: 'is no UTF-8 text' }
    : undefined;
}

function readVarint(
  bytes: Buffer,
  start: number,
): { readonly value: number; readonly end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
    scale *= 128;
  }
  return { value, end: bytes.length };
}
