import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resolutionError, type AvroSchema } from '../../schemas/avro-codec.ts';
import { incompatibilities } from '../../schemas/compatibility.ts';
import { record, schemaPairs } from './schema-pairs.ts';

const one = (type: unknown, rest: object = {}): AvroSchema =>
  record('R', [{ name: 'f', type, ...rest }]);
const letters = (symbols: string[], rest: object = {}): object => ({
  ...{ type: 'enum', name: 'E', symbols },
  ...rest,
});
const fixed = (name: string, size: number): object => ({ type: 'fixed', name, size });
const decimal = (precision: number, scale: number, base: object = { type: 'bytes' }): object => ({
  ...base,
  ...{ logicalType: 'decimal', precision, scale },
});
const list = (items: unknown): object => ({ type: 'array', items });
const node = (value: string, rest: object = {}): AvroSchema =>
  record(
    'Node',
    [
      { name: 'value', type: value },
      { name: 'next', type: ['null', 'Node'] },
      { name: 'other', type: list('Node') },
      rest,
    ].filter((field) => 'name' in field),
  );

const compatible: [string, AvroSchema, AvroSchema][] = [
  ['the same schema', node('string'), node('string')],
  [
    'a field with a default is added',
    one('int'),
    record('R', [
      { name: 'f', type: 'int' },
      { name: 'g', type: ['null', 'int'], default: null },
    ]),
  ],
  [
    'a field is removed',
    record('R', [
      { name: 'f', type: 'int' },
      { name: 'g', type: 'int' },
    ]),
    one('int'),
  ],
  [
    'a field is renamed with its alias',
    one('int'),
    record('R', [{ name: 'g', aliases: ['f'], type: 'int' }]),
  ],
  [
    'a record is renamed with its alias',
    record('A', [], { namespace: 'n' }),
    record('B', [], { namespace: 'm', aliases: ['n.A'] }),
  ],
  ['an int becomes a double', one('int'), one('double')],
  ['a string becomes bytes', one('string'), one('bytes')],
  ['a type becomes nullable', one('string'), one(['null', 'string'])],
  ['a union shrinks to what was written', one(['int', 'long']), one('long')],
  ['an enum grows', one(letters(['A'])), one(letters(['B', 'A']))],
  [
    'an enum shrinks, with a default',
    one(letters(['A', 'B'])),
    one(letters(['A'], { default: 'A' })),
  ],
  [
    'a recursive record grows',
    node('int'),
    node('long', { name: 'more', type: 'int', default: 0 }),
  ],
];

const broken: [string, AvroSchema, AvroSchema, string, string][] = [
  ['a field without a default is added', record('R', []), one('int'), 'R.f', 'it has no default'],
  ['a type changes', one('string'), one('int'), 'R.f', 'written as string, read as int'],
  ['a number gets narrower', one('long'), one('int'), 'R.f', 'written as long, read as int'],
  [
    'null is no longer read',
    one(['null', 'string']),
    one('string'),
    'R.f',
    'written as null, read as string',
  ],
  [
    'a union loses a branch',
    one(['null', 'int', 'string']),
    one(['null', 'int']),
    'R.f',
    'written as string, no branch of [null, int] reads it',
  ],
  [
    'an enum loses a symbol',
    one(letters(['A', 'B', 'C'])),
    one(letters(['B'])),
    'R.f',
    'lacks A, C of the writer',
  ],
  [
    'a fixed changes its size',
    one(fixed('F', 4)),
    one(fixed('F', 8)),
    'R.f',
    "has 8 bytes, the writer's has 4",
  ],
  [
    'a fixed changes its name',
    one(fixed('F', 4)),
    one(fixed('G', 4)),
    'R.f',
    'without the alias F',
  ],
  [
    'a record changes its namespace',
    record('R', [], { namespace: 'a' }),
    record('R', [], { namespace: 'b' }),
    'R',
    'record a.R was renamed to b.R',
  ],
  [
    'the items of an array change',
    one(list('string')),
    one(list('int')),
    'R.f[]',
    'written as string',
  ],
  [
    'the values of a map change',
    one({ type: 'map', values: 'string' }),
    one({ type: 'map', values: 'int' }),
    'R.f{}',
    'written as string',
  ],
  [
    'an array becomes a map',
    one(list('int')),
    one({ type: 'map', values: 'int' }),
    'R.f',
    'written as array, read as map',
  ],
  [
    'an alias matches two fields',
    record('R', [
      { name: 'a', type: 'int' },
      { name: 'b', type: 'int' },
    ]),
    record('R', [{ name: 'b', aliases: ['a'], type: 'int' }]),
    'R.b',
    'several written fields: a, b',
  ],
  [
    'a recursive record changes',
    node('string'),
    node('int'),
    'Node.value',
    'written as string, read as int',
  ],
];

const meaning: [string, object, object][] = [
  ['the scale of a decimal', decimal(10, 2), decimal(10, 3)],
  ['the precision of a decimal', decimal(10, 2), decimal(12, 2)],
  ['the scale of a fixed decimal', decimal(10, 2, fixed('F', 8)), decimal(10, 3, fixed('F', 8))],
  ['bytes being a decimal', decimal(10, 2), { type: 'bytes' }],
  [
    'the unit of a time',
    { type: 'long', logicalType: 'timestamp-millis' },
    { type: 'long', logicalType: 'timestamp-micros' },
  ],
];

describe('incompatibilities', () => {
  test.each(compatible)('none when %s', (_what, writer, reader) => {
    expect(incompatibilities(writer, reader)).toEqual([]);
    expect(resolutionError(writer, reader)).toBeUndefined();
  });

  test.each(broken)('when %s: path and reason', (_what, writer, reader, path, reason) => {
    expect(incompatibilities(writer, reader)).toEqual([
      { path, reason: expect.stringContaining(reason) },
    ]);
    expect(resolutionError(writer, reader)).toBeDefined();
  });

  test.each(meaning)('a change of %s is one, though it resolves', (_what, writer, reader) => {
    const [found, ...others] = incompatibilities(one(writer), one(reader));

    expect(found).toMatchObject({
      path: 'R.f',
      reason: expect.stringMatching(/^the logical type was/),
    });
    expect(others).toEqual([]);
  });

  test('naming a plain type more precisely is none', () => {
    const uuid = { type: 'string', logicalType: 'uuid' };

    expect(incompatibilities(one('string'), one(uuid))).toEqual([]);
    expect(incompatibilities(one(uuid), one('string'))).toEqual([]);
  });

  test('a logical type that cannot stand where it does is ignored, as Avro has it', () => {
    const odd = { type: 'string', logicalType: 'decimal', precision: 4, scale: 2 };

    expect(incompatibilities(one(odd), one('string'))).toEqual([]);
  });

  test('all are told, not only the first', () => {
    const inner = (type: string): object => record('Inner', [{ name: 'x', type }]);
    const writer = record('R', [
      { name: 'a', type: 'string' },
      { name: 'b', type: list(inner('string')) },
    ]);
    const reader = record('R', [
      { name: 'a', type: 'int' },
      { name: 'b', type: list(inner('int')) },
      { name: 'c', type: 'int' },
    ]);

    expect(incompatibilities(writer, reader).map(({ path }) => path)).toEqual([
      'R.a',
      'R.b[].x',
      'R.c',
    ]);
  });

  test('the branch that was meant is told for what it lacks', () => {
    const inner = (fields: readonly object[]): object => record('Inner', fields);
    const found = incompatibilities(
      one(['null', inner([])]),
      one(['null', 'string', inner([{ name: 'x', type: 'int' }])]),
    );

    expect(found.map(({ path }) => path)).toEqual(['R.f.x']);
  });

  test('a record that two fields share is told at both', () => {
    const twice = (type: string): AvroSchema =>
      record('R', [
        { name: 'a', type: record('S', [{ name: 'x', type }]) },
        { name: 'b', type: 'S' },
      ]);

    expect(incompatibilities(twice('string'), twice('int')).map(({ path }) => path)).toEqual([
      'R.a.x',
      'R.b',
    ]);
  });

  test('records that refer to each other are told apart from those that only fail together', () => {
    const pair = (type: string): AvroSchema =>
      record('A', [
        {
          name: 'b',
          type: [
            'null',
            record('B', [
              { name: 'a', type: ['null', 'A'] },
              { name: 'y', type: 'int' },
            ]),
          ],
        },
        { name: 'x', type },
      ]);

    expect(incompatibilities(pair('string'), pair('int'))).toEqual([
      { path: 'A.x', reason: 'written as string, read as int' },
    ]);
  });

  test('they agree with the resolver that reads the data', () => {
    fc.assert(
      fc.property(schemaPairs(), ([writer, reader]) => {
        const found = incompatibilities(writer, reader);
        expect([found.length > 0, found]).toEqual([
          resolutionError(writer, reader) !== undefined,
          found,
        ]);
      }),
      { numRuns: 1_500 },
    );
  });
});
