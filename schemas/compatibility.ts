/**
 * Whether what one schema wrote can be read with another: every incompatibility with its path and
 * reason, where a resolver stops at the first. Follows Avro's schema resolution, and is stricter with
 * logical types: a changed scale or time unit resolves, and every value then means something else.
 */
import type { AvroSchema } from './avro-codec.ts';
import {
  avroTypeOf,
  type AvroEnum,
  type AvroFixed,
  type AvroLogical,
  type AvroRecord,
  type AvroRecordField,
  type AvroType,
  type AvroUnion,
  type PrimitiveName,
} from './avro-types.ts';

export interface Incompatibility {
  /** Of the reader: `RollEvent.nights[].amount`; `[]` is an array's item, `{}` a map's value. */
  readonly path: string;
  readonly reason: string;
}

/** Why data of the writer schema cannot be read with the reader schema; none: it can. */
export function incompatibilities(
  writer: AvroSchema,
  reader: AvroSchema,
): readonly Incompatibility[] {
  const [from, to] = [avroTypeOf(writer), avroTypeOf(reader)];
  const root = 'name' in to ? unqualified(to.name) : to.kind;
  // A recursive pair of records is taken to fit until it is found not to; what relied on it is then
  // looked at again. `broken` only grows, so this ends.
  const broken = new Set<string>();
  for (;;) {
    const before = broken.size;
    const findings = new Walk(broken).compare(from, to, root);
    if (broken.size === before) return withoutEchoes(findings);
  }
}

interface Finding extends Incompatibility {
  /** True when it only repeats what the record around it, the same one, is told for. */
  readonly isEcho?: true;
}

function withoutEchoes(findings: readonly Finding[]): readonly Incompatibility[] {
  const told = new Map<string, Incompatibility>();
  for (const { path, reason, isEcho } of findings) {
    if (isEcho !== true) told.set(`${path}\n${reason}`, { path, reason });
  }
  return [...told.values()];
}

type Findings = readonly Finding[] | undefined;

/** What a reader takes beside its own type. */
const promotions: Readonly<Record<PrimitiveName, readonly PrimitiveName[]>> = {
  null: [],
  boolean: [],
  int: [],
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  bytes: ['string'],
  string: ['bytes'],
};

class Walk {
  readonly #broken: Set<string>;
  readonly #visited = new Set<string>();
  readonly #around = new Set<string>();

  /** @param broken pairs of records that do not fit, by key; those found are added. */
  constructor(broken: Set<string>) {
    this.#broken = broken;
  }

  compare(writer: AvroType, reader: AvroType, path: string): readonly Finding[] {
    if (writer.kind === 'union') {
      return writer.branches.flatMap((branch) => this.compare(branch, reader, path));
    }
    if (reader.kind === 'union') return this.#compareUnion(writer, reader, path);
    const findings =
      isNamed(writer) && isNamed(reader)
        ? this.#compareNamed(writer, reader, path)
        : this.#compareUnnamed(writer, reader, path);
    if (findings !== undefined) return findings;
    return [{ path, reason: `written as ${describe(writer)}, read as ${describe(reader)}` }];
  }

  /** Undefined: they are of different kinds. */
  #compareNamed(writer: NamedType, reader: NamedType, path: string): Findings {
    if (writer.kind !== reader.kind) return undefined;
    if (!isNameKept(writer, reader)) {
      const change = `${reader.kind} ${writer.name} was renamed to ${reader.name}`;
      return [{ path, reason: `${change} without the alias ${writer.name}` }];
    }
    if (writer.kind === 'record' && reader.kind === 'record') {
      return this.#compareRecord(writer, reader, path);
    }
    if (writer.kind === 'enum' && reader.kind === 'enum') return enumFindings(writer, reader, path);
    if (writer.kind === 'fixed' && reader.kind === 'fixed') {
      return fixedFindings(writer, reader, path);
    }
    return undefined;
  }

  #compareUnnamed(writer: AvroType, reader: AvroType, path: string): Findings {
    if (writer.kind === 'array' && reader.kind === 'array') {
      return this.compare(writer.items, reader.items, `${path}[]`);
    }
    if (writer.kind === 'map' && reader.kind === 'map') {
      return this.compare(writer.values, reader.values, `${path}{}`);
    }
    if (writer.kind !== 'primitive' || reader.kind !== 'primitive') return undefined;
    if (writer.name !== reader.name && !promotions[reader.name].includes(writer.name)) {
      return undefined;
    }
    return logicalFindings(writer.logical, reader.logical, path);
  }

  #compareUnion(writer: AvroType, reader: AvroUnion, path: string): readonly Finding[] {
    const attempts = reader.branches.map((branch) => this.compare(writer, branch, path));
    if (attempts.some((findings) => findings.length === 0)) return [];
    // The branch that was meant to read it says more than that none does.
    const meant = reader.branches.findIndex((branch) => isSameType(writer, branch));
    const reason = `written as ${describe(writer)}, no branch of ${describe(reader)} reads it`;
    return attempts[meant] ?? [{ path, reason }];
  }

  #compareRecord(writer: AvroRecord, reader: AvroRecord, path: string): readonly Finding[] {
    const key = `${writer.name} ${reader.name}`;
    if (this.#visited.has(key)) {
      if (!this.#broken.has(key)) return [];
      const reason = `record ${reader.name} cannot be read, as where it stands first`;
      return [this.#around.has(key) ? { path, reason, isEcho: true } : { path, reason }];
    }
    this.#visited.add(key);
    this.#around.add(key);
    const findings = reader.fields.flatMap((field) => this.#compareField(writer, field, path));
    this.#around.delete(key);
    if (findings.length > 0) this.#broken.add(key);
    return findings;
  }

  #compareField(writer: AvroRecord, field: AvroRecordField, record: string): readonly Finding[] {
    const path = `${record}.${field.name}`;
    const names = new Set([field.name, ...field.aliases]);
    const written = writer.fields.filter(({ name }) => names.has(name));
    const [first] = written;
    if (first === undefined) {
      if (field.hasDefault) return [];
      return [{ path, reason: 'the writer does not write this field and it has no default' }];
    }
    if (written.length === 1) return this.compare(first.type, field.type, path);
    const matches = written.map(({ name }) => name).join(', ');
    return [{ path, reason: `its name and aliases match several written fields: ${matches}` }];
  }
}

type NamedType = AvroRecord | AvroEnum | AvroFixed;

function isNamed(type: AvroType): type is NamedType {
  return 'aliases' in type;
}

function isNameKept(writer: NamedType, reader: NamedType): boolean {
  return writer.name === reader.name || reader.aliases.includes(writer.name);
}

function enumFindings(writer: AvroEnum, reader: AvroEnum, path: string): readonly Finding[] {
  const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
  if (missing.length === 0 || reader.default !== undefined) return [];
  const reason = `enum ${reader.name} lacks ${missing.join(', ')} of the writer and has no default`;
  return [{ path, reason }];
}

function fixedFindings(writer: AvroFixed, reader: AvroFixed, path: string): readonly Finding[] {
  const logical = logicalFindings(writer.logical, reader.logical, path);
  if (writer.size === reader.size) return logical;
  const reason = `fixed ${reader.name} has ${reader.size} bytes, the writer's has ${writer.size}`;
  return [{ path, reason }, ...logical];
}

/** Naming a plain type more precisely, or less, keeps its values; a decimal's bytes mean nothing without its scale. */
function logicalFindings(
  writer: AvroLogical | undefined,
  reader: AvroLogical | undefined,
  path: string,
): readonly Finding[] {
  const [from, to] = [describeLogical(writer), describeLogical(reader)];
  if (from === to) return [];
  const isDecimal = writer?.name === 'decimal' || reader?.name === 'decimal';
  if (!isDecimal && (writer === undefined || reader === undefined)) return [];
  return [{ path, reason: `the logical type was ${from} and is ${to}` }];
}

function isSameType(writer: AvroType, reader: AvroType): boolean {
  if (writer.kind !== reader.kind) return false;
  if (writer.kind === 'primitive') return 'name' in reader && writer.name === reader.name;
  return !isNamed(writer) || !isNamed(reader) || isNameKept(writer, reader);
}

function describe(type: AvroType): string {
  if (type.kind === 'union') return `[${type.branches.map(describe).join(', ')}]`;
  if (type.kind === 'primitive') return type.name;
  return 'name' in type ? `${type.kind} ${type.name}` : type.kind;
}

function describeLogical(logical: AvroLogical | undefined): string {
  if (logical === undefined) return 'none';
  const { name, precision, scale } = logical;
  return name === 'decimal' ? `decimal(${precision}, ${scale})` : name;
}

function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
