/**
 * A schema with its names resolved: every reference is the type itself, so that a recursive schema is
 * a graph. For those who walk schemas; whether a schema is valid is decided by `avro-codec.ts`.
 */
import type { AvroField, AvroSchema, AvroSchemaObject } from './avro-codec.ts';
import { RollguardError } from '../kernel/errors.ts';

export interface AvroPrimitive {
  readonly kind: 'primitive';
  readonly name: PrimitiveName;
  readonly logical: AvroLogical | undefined;
}
export interface AvroRecord extends Named {
  readonly kind: 'record';
  readonly doc: string | undefined;
  readonly fields: readonly AvroRecordField[];
}
export interface AvroEnum extends Named {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  readonly default: string | undefined;
}
export interface AvroFixed extends Named {
  readonly kind: 'fixed';
  readonly size: number;
  readonly logical: AvroLogical | undefined;
}
export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroType;
}
export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroType;
}
export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
}
export type AvroType =
  AvroPrimitive | AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroUnion;

export interface AvroRecordField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly doc: string | undefined;
  readonly hasDefault: boolean;
  readonly type: AvroType;
}

/** Precision and scale are of decimals. */
export interface AvroLogical {
  readonly name: string;
  readonly precision?: number;
  readonly scale?: number;
}

interface Named {
  /** With the namespace. */
  readonly name: string;
  /** With their namespaces. */
  readonly aliases: readonly string[];
}

const primitiveNames = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
] as const;
export type PrimitiveName = (typeof primitiveNames)[number];

/** By logical type, what it may stand on; elsewhere the Avro specification has it ignored. */
const logicalBases: Readonly<Record<string, readonly string[]>> = {
  decimal: ['bytes', 'fixed'],
  uuid: ['string', 'fixed'],
  date: ['int'],
  'time-millis': ['int'],
  'time-micros': ['long'],
  'timestamp-millis': ['long'],
  'timestamp-micros': ['long'],
  'timestamp-nanos': ['long'],
  'local-timestamp-millis': ['long'],
  'local-timestamp-micros': ['long'],
  'local-timestamp-nanos': ['long'],
  duration: ['fixed'],
};

/** What is known where a schema stands. */
interface Scope {
  readonly namespace: string;
  /** The named types defined so far, by their full names. */
  readonly named: Map<string, AvroType>;
}

/** @throws SCHEMA_INVALID when a type is unknown or lacks what its kind needs. */
export function avroTypeOf(schema: AvroSchema): AvroType {
  return resolve(schema, { namespace: '', named: new Map() });
}

function resolve(schema: AvroSchema, scope: Scope): AvroType {
  if (typeof schema === 'string') return resolveName(schema, scope);
  if (isUnion(schema)) {
    return { kind: 'union', branches: schema.map((branch) => resolve(branch, scope)) };
  }
  const { type } = schema;
  if (typeof type !== 'string') return resolve(type, scope);
  switch (type) {
    case 'record':
    case 'error':
      return resolveRecord(schema, scope);
    case 'enum':
      return resolveEnum(schema, scope);
    case 'fixed':
      return resolveFixed(schema, scope);
    case 'array':
      return { kind: 'array', items: resolve(required(schema, 'items'), scope) };
    case 'map':
      return { kind: 'map', values: resolve(required(schema, 'values'), scope) };
    default:
      return isPrimitiveName(type)
        ? { kind: 'primitive', name: type, logical: logicalOf(schema, type) }
        : resolveName(type, scope);
  }
}

function resolveName(name: string, { namespace, named }: Scope): AvroType {
  if (isPrimitiveName(name)) return { kind: 'primitive', name, logical: undefined };
  const known = named.get(qualify(name, namespace)) ?? named.get(name);
  if (known === undefined) throw invalid(`type ${name} is not defined`);
  return known;
}

function resolveRecord(schema: AvroSchemaObject, scope: Scope): AvroRecord {
  const fields: AvroRecordField[] = [];
  const doc = textOf(schema['doc']);
  const record: AvroRecord = { kind: 'record', ...namesOf(schema, scope), doc, fields };
  // Known before its fields are read: they may refer to it.
  scope.named.set(record.name, record);
  const inner = { ...scope, namespace: namespaceOf(record.name) };
  for (const field of required(schema, 'fields')) fields.push(resolveField(field, inner));
  return record;
}

function resolveField(field: AvroField, scope: Scope): AvroRecordField {
  return {
    name: field.name,
    aliases: textsOf(field['aliases']),
    doc: textOf(field['doc']),
    hasDefault: 'default' in field,
    type: resolve(field.type, scope),
  };
}

function resolveEnum(schema: AvroSchemaObject, scope: Scope): AvroEnum {
  const symbols = required(schema, 'symbols');
  const names = namesOf(schema, scope);
  const type: AvroEnum = { kind: 'enum', ...names, symbols, default: textOf(schema['default']) };
  scope.named.set(type.name, type);
  return type;
}

function resolveFixed(schema: AvroSchemaObject, scope: Scope): AvroFixed {
  const size = Number(schema['size']);
  const logical = logicalOf(schema, 'fixed');
  const type: AvroFixed = { kind: 'fixed', ...namesOf(schema, scope), size, logical };
  scope.named.set(type.name, type);
  return type;
}

function logicalOf(schema: AvroSchemaObject, base: string): AvroLogical | undefined {
  const name = textOf(schema['logicalType']);
  if (name === undefined || logicalBases[name]?.includes(base) !== true) return undefined;
  if (name !== 'decimal') return { name };
  return { name, precision: Number(schema['precision']), scale: Number(schema['scale'] ?? 0) };
}

function namesOf(schema: AvroSchemaObject, scope: Scope): Named {
  const own = required(schema, 'name');
  const name = qualify(own, textOf(schema['namespace']) ?? scope.namespace);
  const namespace = namespaceOf(name);
  return { name, aliases: textsOf(schema['aliases']).map((alias) => qualify(alias, namespace)) };
}

function qualify(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function namespaceOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
}

function required<Key extends 'name' | 'fields' | 'items' | 'values' | 'symbols'>(
  schema: AvroSchemaObject,
  key: Key,
): NonNullable<AvroSchemaObject[Key]> {
  const value = schema[key];
  if (value === undefined) throw invalid(`a named type, array or map has no ${key}`);
  return value;
}

function isUnion(
  schema: readonly AvroSchema[] | AvroSchemaObject,
): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function isPrimitiveName(name: string): name is PrimitiveName {
  return (primitiveNames as readonly string[]).includes(name);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function invalid(message: string): RollguardError {
  return new RollguardError('SCHEMA_INVALID', message);
}
