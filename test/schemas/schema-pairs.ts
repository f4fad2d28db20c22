import fc from 'fast-check';
import type { AvroSchema, AvroSchemaObject } from '../../schemas/avro-codec.ts';

export const record = (
  name: string,
  fields: readonly object[],
  rest: object = {},
): AvroSchemaObject => ({
  type: 'record',
  name,
  fields: fields as AvroSchemaObject['fields'] & object,
  ...rest,
});

const primitives = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
] as const;

/** A schema and what a few edits make of it: unrelated schemas would nearly never be compatible. */
export function schemaPairs(): fc.Arbitrary<[AvroSchema, AvroSchema]> {
  const edits = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 20, maxLength: 20 });
  return fc.tuple(trees(), edits).map(([tree, choices]) => {
    let next = 0;
    const edit = (): number => choices[next++] ?? 0;
    return [render(tree, 'N', () => 0), render(tree, 'N', edit)];
  });
}

type Tree =
  | { readonly kind: 'primitive'; readonly name: string }
  | { readonly kind: 'enum'; readonly symbols: readonly string[]; readonly hasDefault: boolean }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'array' | 'map'; readonly inside: Tree }
  | { readonly kind: 'union'; readonly branches: readonly string[] }
  | { readonly kind: 'record'; readonly fields: readonly Tree[] };

function trees(): fc.Arbitrary<Tree> {
  const symbols = fc.subarray(['A', 'B', 'C'], { minLength: 1 });
  const branches = fc.uniqueArray(fc.constantFrom(...primitives), { minLength: 1, maxLength: 4 });
  return fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({ kind: fc.constant('primitive'), name: fc.constantFrom(...primitives) }),
      fc.record({ kind: fc.constant('enum'), symbols, hasDefault: fc.boolean() }),
      fc.record({ kind: fc.constant('fixed'), size: fc.constantFrom(4, 8) }),
      fc.record({ kind: fc.constantFrom('array', 'map'), inside: tie('tree') }),
      fc.record({ kind: fc.constant('union'), branches }),
      fc.record({
        kind: fc.constant('record'),
        fields: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      }),
    ),
  })).tree;
}

/** `edit` says for each place how it changes; 0, and what its kind does not know, leaves it as it is. */
function render(tree: Tree, name: string, edit: () => number): AvroSchema {
  const choice = edit();
  const renamed = choice === 3 ? `${name}x` : name;
  switch (tree.kind) {
    case 'primitive':
      return editPrimitive(tree.name, choice);
    case 'enum': {
      const symbols = [undefined, ['A', 'B', 'C', 'D'], ['A']][choice] ?? tree.symbols;
      const rest = tree.hasDefault ? { default: symbols[0] } : {};
      return { type: 'enum', name: renamed, symbols, ...rest };
    }
    case 'fixed':
      return { type: 'fixed', name: renamed, size: choice === 2 ? 8 : tree.size };
    case 'union':
      return editUnion(tree.branches, choice);
    case 'record':
      return renderRecord(tree.fields, name, { choice, edit });
    case 'array':
    case 'map': {
      const inside = render(tree.inside, `${name}_i`, edit);
      const isMap = tree.kind === 'map' || choice === 2;
      return isMap ? { type: 'map', values: inside } : { type: 'array', items: inside };
    }
  }
}

function editPrimitive(name: string, choice: number): AvroSchema {
  if (choice === 1) return name === 'null' ? ['null'] : ['null', name];
  return [undefined, undefined, 'double', 'string', 'long'][choice] ?? name;
}

function editUnion(branches: readonly string[], choice: number): AvroSchema {
  if (choice === 2) return branches.slice(0, 1);
  return choice === 3 ? [...branches].reverse() : branches;
}

function renderRecord(
  fieldTrees: readonly Tree[],
  name: string,
  { choice, edit }: { readonly choice: number; readonly edit: () => number },
): AvroSchema {
  const fields: object[] = fieldTrees.map((tree, index) => ({
    name: `f${index}`,
    type: render(tree, `${name}_${index}`, edit),
  }));
  if (choice === 1) fields.pop();
  if (choice === 2) fields.push({ name: 'added', type: 'int' });
  if (choice === 3) fields.push({ name: 'added', type: 'int', default: 0 });
  if (choice === 4) return record(`${name}x`, fields, { aliases: [name] });
  if (choice === 5) fields[0] = { ...fields[0], name: 'renamed', aliases: ['f0'] };
  return record(name, fields);
}
