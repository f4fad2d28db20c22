/** What a caller may write into a request must never fail the partition that decides it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compositeSerde, stringSerde } from '../../../stores/serde.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';
import { openHotel } from './guard-fixtures.ts';

const fields = [
  ...['tenantId', 'roomTypeId', 'roomId', 'propertyId'],
  ...['reservationId', 'idempotencyKey'],
] as const;
const halves = ['\ud800', 'a\udc00', '\ud83d', 'R1:\udfff'];

describe('text without UTF-8, or with control characters,', () => {
  test.each(fields)('is refused in %s by name', (field) => {
    for (const text of [...halves, 'a\u0000b', '\u0000', 'a\u001f', '\u007f', 'a\u0085']) {
      expect(openHotel(['101']).lock({ [field]: text })).toMatchObject({
        ...{ status: 'REFUSED', code: 'REQUEST_INVALID', field },
      });
    }
  });
});

test('whatever is not refused has keys that can be stored', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...halves, 'R1', 'R1:2'));
  fc.assert(
    fc.property(fc.constantFrom(...fields), text, (field, value) => {
      const owner = openHotel(['101']);
      owner.lock({ [field]: value });
      for (const change of owner.log.flatMap(({ changes }) => changes)) {
        if (change.kind !== 'slot') continue;
        const partitionKey = partitionKeyOf(change.after);
        const key = [partitionKey, change.after.slot];

        expect(stringSerde.deserialize(stringSerde.serialize(partitionKey))).toBe(partitionKey);
        expect(compositeSerde.deserialize(compositeSerde.serialize(key))).toEqual(key);
      }
    }),
  );
});
