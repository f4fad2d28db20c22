import { describe, expect, test } from '@jest/globals';
import { RollguardError } from '../../kernel/errors.ts';
import { avroWriter, type AvroSchema } from '../../schemas/avro-codec.ts';
import { DebeziumDecoder, type ChangeEvent } from '../../schemas/debezium-envelope.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { frame } from '../../schemas/wire-format.ts';
import { errorCodeOf } from '../support/error-code.ts';

interface Row {
  readonly id: string;
  readonly changed_at: number | bigint;
}

const row = (name: string, extra: readonly object[] = []): object => ({
  ...{ type: 'record', name, namespace: 'platform.public.rooms' },
  fields: [
    { name: 'id', type: 'string' },
    { name: 'wide', type: ['null', 'string'], default: null },
    {
      name: 'changed_at',
      type: 'long',
    },
    ...extra,
  ],
});

/** As Debezium has it: the row's record is defined in `before` and named in `after`. */
const envelope = (value = row('Value'), reference = 'Value'): AvroSchema =>
  ({
    type: 'record',
    name: 'Envelope',
    namespace: 'platform.public.rooms',
    fields: [
      { name: 'before', type: ['null', value], default: null },
      { name: 'after', type: ['null', reference], default: null },
      {
        name: 'source',
        type: {
          type: 'record',
          name: 'Source',
          namespace: 'io.debezium.connector.postgresql',
          fields: [
            { name: 'version', type: 'string' },
            { name: 'snapshot', type: ['null', 'string'], default: null },
            { name: 'sequence', type: ['null', 'string'], default: null },
            { name: 'lsn', type: ['null', 'long'], default: null },
          ],
        },
      },
      { name: 'op', type: 'string' },
      { name: 'ts_ms', type: ['null', 'long'], default: null },
    ],
  }) as AvroSchema;

const source = { version: '3', snapshot: 'false', sequence: '["1","2"]', lsn: 2n ** 60n + 1n };
const nanoseconds = 1_785_000_000_123_456_789n;
const first = { id: 'room 1', wide: 'w'.repeat(2_000), changed_at: nanoseconds };
const second = { id: 'room 2', wide: null, changed_at: 5 };

function registryOf(schemas: Readonly<Record<number, AvroSchema>>): {
  readonly port: SchemaRegistryPort;
  readonly asked: number[];
} {
  const asked: number[] = [];
  const port: SchemaRegistryPort = {
    schemaById: (id) => {
      asked.push(id);
      const schema = schemas[id];
      return schema === undefined
        ? Promise.reject(new RollguardError('SCHEMA_UNKNOWN_ID', `no schema ${id}`))
        : Promise.resolve(JSON.stringify(schema));
    },
    register: () => Promise.resolve(1),
  };
  return { port, asked };
}

function decoderOf(schemas: Readonly<Record<number, AvroSchema>>): {
  readonly asked: readonly number[];
  readonly decode: (value: Buffer, table?: string) => Promise<ChangeEvent<Row>>;
  readonly decoder: DebeziumDecoder;
} {
  const { port, asked } = registryOf(schemas);
  const decoder = new DebeziumDecoder({ registry: port, columns: { rooms: ['id', 'changed_at'] } });
  const decode = async (value: Buffer, table = 'rooms'): Promise<ChangeEvent<Row>> =>
    decoder.decode<Row>(table, value);
  return { asked, decode, decoder };
}

const change = (op: string, before: object | null, after: object | null): object => ({
  ...{ before, after, source, op },
  ts_ms: 1,
});

describe('a change event', () => {
  const write = avroWriter(envelope(), 4);

  test.each(['c', 'r', 'u'])(
    'of operation %s is the row after it, the asked columns only',
    async (op) => {
      const event = await decoderOf({ 4: envelope() }).decode(write(change(op, second, first)));

      expect({ ...event.after }).toEqual({ id: 'room 1', changed_at: nanoseconds });
      expect(event).toMatchObject({ op, before: undefined });
    },
  );

  test('of a delete is the row before it', async () => {
    const event = await decoderOf({ 4: envelope() }).decode(write(change('d', first, null)));

    expect({ ...event.before }).toEqual({ id: 'room 1', changed_at: nanoseconds });
    expect(event).toMatchObject({ op: 'd', after: undefined });
  });

  test('says where it stands in the log, to the last digit', async () => {
    const event = await decoderOf({ 4: envelope() }).decode(write(change('c', null, first)));

    expect({ ...event.source }).toEqual({
      ...{ snapshot: 'false', sequence: '["1","2"]' },
      lsn: 2n ** 60n + 1n,
    });
  });

  test('asks for a schema once and then answers at once', async () => {
    const { decode, decoder, asked } = decoderOf({ 4: envelope() });
    await decode(write(change('c', null, first)));

    expect(decoder.decode('rooms', write(change('u', first, second)))).not.toBeInstanceOf(Promise);
    expect(asked).toEqual([4]);
  });

  test('asks for a schema once, however many wait for it', async () => {
    const { decode, asked } = decoderOf({ 4: envelope() });
    const waiting = Array.from({ length: 500 }, () => decode(write(change('c', null, first))));

    expect(await Promise.all(waiting)).toHaveLength(500);
    expect(asked).toEqual([4]);
  });

  test('of a wider table is read beside those of the narrower one', async () => {
    const wider = envelope(row('Value', [{ name: 'floor', type: 'int', default: 0 }]));
    const { decode, asked } = decoderOf({ 4: envelope(), 5: wider });
    const writeWider = avroWriter(wider, 5);

    const events = [
      await decode(write(change('c', null, first))),
      await decode(writeWider(change('u', null, { ...second, floor: 3 }))),
    ];
    expect(events.map(({ after }) => after?.id)).toEqual(['room 1', 'room 2']);
    expect(asked).toEqual([4, 5]);
  });
});

describe('what is no change event is refused', () => {
  const write = avroWriter(envelope(), 4);
  const noEnvelope: AvroSchema = {
    type: 'record',
    name: 'Flat',
    fields: [{ name: 'op', type: 'string' }],
  };

  test.each([
    ['JSON', { 4: envelope() }, Buffer.from('{"op":"c"}'), 'WIRE_FORMAT'],
    ['an unknown schema', {}, frame(9, Buffer.alloc(3)), 'SCHEMA_UNKNOWN_ID'],
    ['a flat row', { 9: noEnvelope }, frame(9, Buffer.from([2, 99])), 'DECODE_FAILED'],
    ['a plain string', { 9: 'string' }, frame(9, Buffer.from([2, 99])), 'DECODE_FAILED'],
    [
      'cut off bytes',
      { 4: envelope() },
      write(change('c', null, first)).subarray(0, 40),
      'DECODE_FAILED',
    ],
  ])('%s: %s', async (_what, schemas: Readonly<Record<number, AvroSchema>>, value, code) => {
    expect(await errorCodeOf(decoderOf(schemas).decode(value))).toBe(code);
  });

  test('a table without declared columns', async () => {
    const decoded = decoderOf({ 4: envelope() }).decode(write(change('c', null, first)), 'bars');

    expect(await errorCodeOf(decoded)).toBe('DECODE_FAILED');
  });
});
