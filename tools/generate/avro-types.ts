/**
 * Renders the TypeScript types of the contracts, `schemas/generated/<record>.ts`, as `avro-codec.ts`
 * decodes and encodes them; a test holds them to the `.avsc`.
 */
import { RollguardError } from '../../kernel/errors.ts';
import {
  avroTypeOf,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
  type PrimitiveName,
} from '../../schemas/avro-types.ts';
import type { AvroSchema } from '../../schemas/avro-codec.ts';
import { contractNames, contractSchema } from '../../schemas/contracts.ts';

export interface GeneratedFile {
  /** In `schemas/generated/`. */
  readonly name: string;
  readonly text: string;
}

export function renderContractTypes(): GeneratedFile[] {
  return contractNames.map((name) => renderTypes(contractSchema(name), `the values of ${name}`));
}

/** @throws UNSUPPORTED for what the codec would not decode as a plain TypeScript value. */
export function renderTypes(schema: AvroSchema, what: string): GeneratedFile {
  const root = avroTypeOf(schema);
  if (root.kind !== 'record') {
    throw new RollguardError('UNSUPPORTED', `${what} are no records: there is nothing to name`);
  }
  const header = `/** The type of ${what}. Generated from the contract (\`npm run generate\`), not for editing. */`;
  const records = recordsOf(root);
  const names = records.map(typeName);
  if (new Set(names).size < names.length) {
    throw new RollguardError('UNSUPPORTED', `${what} have two records of one name`);
  }
  const interfaces = records.map((record) => renderRecord(record, record === root));
  const name = typeName(root).replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, '-');
  return {
    name: `${name.toLowerCase()}.ts`,
    text: [header, '', interfaces.join('\n\n'), ''].join('\n'),
  };
}

/** Every record that can be reached, each once. */
function recordsOf(root: AvroRecord): AvroRecord[] {
  const found = new Set<AvroRecord>();
  const visit = (type: AvroType): void => {
    if (type.kind === 'union') type.branches.forEach(visit);
    if (type.kind === 'array') visit(type.items);
    if (type.kind === 'map') visit(type.values);
    if (type.kind !== 'record' || found.has(type)) return;
    found.add(type);
    for (const field of type.fields) visit(field.type);
  };
  visit(root);
  return [...found];
}

function renderRecord(record: AvroRecord, isRoot: boolean): string {
  return [
    ...renderDoc(record.doc, ''),
    `${isRoot ? 'export ' : ''}interface ${typeName(record)} {`,
    ...record.fields.flatMap(({ name, doc, type }) => [
      ...renderDoc(doc, '  '),
      `  readonly ${name}: ${renderType(type)};`,
    ]),
    '}',
  ].join('\n');
}

function renderDoc(doc: string | undefined, indent: string): string[] {
  return doc === undefined ? [] : [`${indent}/** ${doc.replaceAll('*/', '*\\/')} */`];
}

/** A long is a number as long as that is exact; bytes and fixed come as Node's Buffer. */
const primitives: Readonly<Record<PrimitiveName, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number | bigint',
  float: 'number',
  double: 'number',
  bytes: 'Buffer',
  string: 'string',
};

function renderType(type: AvroType): string {
  switch (type.kind) {
    case 'primitive':
      return primitives[type.name];
    case 'record':
      return typeName(type);
    case 'enum':
      return type.symbols.map((symbol) => `'${symbol}'`).join(' | ');
    case 'fixed':
      return 'Buffer';
    case 'array':
      return `readonly ${inArray(renderType(type.items))}[]`;
    case 'map':
      return `Readonly<Record<string, ${renderType(type.values)}>>`;
    case 'union':
      return renderUnion(type);
  }
}

/** Null last, as it is read: "a string or nothing". */
function renderUnion({ branches }: AvroUnion): string {
  const values = branches.filter((branch) => !isNull(branch));
  if (values.length > 1) {
    const message = 'a union of several types beside null: the codec may decode it wrapped';
    throw new RollguardError('UNSUPPORTED', message);
  }
  return [...values, ...branches.filter(isNull)].map(renderType).join(' | ');
}

function isNull(type: AvroType): boolean {
  return type.kind === 'primitive' && type.name === 'null';
}

function inArray(item: string): string {
  return /^[\w$]+$/.test(item) ? item : `(${item})`;
}

function typeName({ name }: AvroRecord): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
