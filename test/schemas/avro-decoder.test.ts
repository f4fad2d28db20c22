/** Avro values whose schema is somebody else's. */
import { describe, expect, test } from '@jest/globals';
import { avroWriter, type AvroSchema } from '../../schemas/avro-codec.ts';
import { AvroDecoder } from '../../schemas/avro-decoder.ts';

const envelope: AvroSchema = {
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'metadata', type: { type: 'map', values: 'string' } },
    { name: 'payload', type: 'string' },
  ],
};

function decoderOf(asked: number[]): AvroDecoder {
  return new AvroDecoder({
    schemaById: (id) => {
      asked.push(id);
      return Promise.resolve(JSON.stringify(envelope));
    },
    register: () => Promise.reject(new Error('nothing is registered')),
  });
}

describe('a value in the Confluent wire format', () => {
  const value = { metadata: { commandId: 'c-1' }, payload: '{"lockId":"1"}' };
  const bytes = avroWriter(envelope, 7)(value);

  test('is read by the schema that it names, which is asked for once', async () => {
    const asked: number[] = [];
    const decoder = decoderOf(asked);
    const first: unknown = await decoder.decode(bytes);
    const second = decoder.decode(bytes);

    expect(first).toMatchObject(value);
    expect(second).toMatchObject(value);
    expect(asked).toEqual([7]);
  });

  test('that is not what its schema says is DECODE_FAILED', async () => {
    const decoder = decoderOf([]);
    const broken = Buffer.concat([bytes.subarray(0, 5), Buffer.from([0xff, 0xff])]);

    await expect(decoder.decode(broken)).rejects.toMatchObject({ code: 'DECODE_FAILED' });
  });
});
