/** What a request calls its hold by, what it wants, and the id its hold gets. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { partitionFor } from '../../../kernel/murmur2.ts';
import { isUuid } from '../../../kernel/uuid.ts';
import {
  keyHashOf,
  lockIdOf,
  partitionKeyOf,
  partitionOfLock,
} from '../../../topology/guard/lock-id.ts';
import { isRefusal } from '../../../topology/guard/refusal.ts';
import { answeredMark, bodyDigest, slotOf } from '../../../topology/guard/slot.ts';
import { readStay } from '../../../topology/guard/stay.ts';
import { lockCommand } from './guard-fixtures.ts';

describe('a slot', () => {
  test.each([
    [
      'of a reservation without a key is its main slot',
      undefined,
      'R1',
      'reservation:R1',
      undefined,
    ],
    ['whose key is the reservation is its main slot', 'R1', 'R1', 'reservation:R1', undefined],
    [
      'whose key adds a decimal is the main slot with an iteration',
      'R1:7',
      'R1',
      'reservation:R1',
      7,
    ],
    ['of a leading zero is the same iteration', 'R1:007', 'R1', 'reservation:R1', 7],
    [
      'whose key adds anything else is the main slot',
      'R1:evt-9',
      'R1',
      'reservation:R1',
      undefined,
    ],
    ['whose key adds nothing is the main slot', 'R1:', 'R1', 'reservation:R1', undefined],
    ['of a further room is its own', 'R1/2', 'R1', 'key:R1/2', undefined],
    ['whose key merely begins alike is its own', 'R12', 'R1', 'key:R12', undefined],
    ["whose key is another reservation's id is not that one's", 'R2', 'R1', 'key:R2', undefined],
    ['of a key without a reservation is its own', 'order:5', undefined, 'key:order:5', undefined],
    ['of an empty key is that of the reservation', '', 'R1', 'reservation:R1', undefined],
    ['of an empty reservation is that of the key', 'k', '', 'key:k', undefined],
  ])('%s', (_title, idempotencyKey, reservationId, name, iteration) => {
    const slot = slotOf({ idempotencyKey, reservationId });

    expect(slot).toMatchObject({ name, iteration });
  });

  test.each([
    [undefined, undefined],
    ['', ''],
  ])('needs a key or a reservation that is not empty', (idempotencyKey, reservationId) => {
    const slot = slotOf({ idempotencyKey, reservationId });

    expect(slot).toMatchObject({ code: 'REQUEST_INVALID', field: 'idempotencyKey' });
  });

  test('refuses an iteration that cannot be told from the next one', () => {
    const slot = slotOf({ idempotencyKey: 'R1:9007199254740993', reservationId: 'R1' });

    expect(slot).toMatchObject({ code: 'REQUEST_INVALID', field: 'idempotencyKey' });
  });
});

describe('the digest of a body', () => {
  test('stays what it was when it was stored', () => {
    const [start, end] = [{ date: '2026-05-10' }, { atMs: 1_778_580_000_000 }];
    const room = { roomTypeId: 'standard', roomId: '101', reservationId: undefined };

    const body = bodyDigest(room, { start, end });

    expect(body).toBe('C5ig0YqynHb6bx59-bCuK4');
    expect(answeredMark('7', body)).toBe('CQyT-npjf65NvOiYLwa62m');
  });

  const digest = (changes: Parameters<typeof lockCommand>[0]): string => {
    const command = lockCommand(changes);
    const asked = readStay(command);
    if (isRefusal(asked)) throw new Error(asked.message);
    return bodyDigest(command, asked);
  };

  test('is the same for who asks, why, until when and with which correlation id', () => {
    const other = { reason: 'x', actor: 'y', correlationId: 'z', ttlSeconds: 5, version: 4 };

    expect(digest({ ...other, metadata: { a: 'b' } })).toBe(digest({}));
  });

  test('is the same for one instant written in two ways', () => {
    const utc = digest({ stayStart: '2026-05-10T12:00:00Z' });

    expect(digest({ stayStart: '2026-05-10T15:00+03:00' })).toBe(utc);
  });

  test.each([
    { stayStart: '2026-05-09' },
    { stayEnd: '2026-05-14' },
    { roomId: '101' },
    { roomTypeId: 'suite' },
    { reservationId: 'R2' },
  ])('is another for %j', (changes) => {
    expect(digest(changes)).not.toBe(digest({}));
  });
});

describe('a lock id', () => {
  const source = { tenantId: 't', roomTypeId: 'standard', slot: 'key:k', generation: 1 };

  test('is a UUID of version 8 that leads to the partition of its key', () => {
    const anyText = fc.string({ minLength: 1, unit: 'grapheme' });

    fc.assert(
      fc.property(anyText, anyText, anyText, fc.nat(), (tenantId, roomTypeId, slot, generation) => {
        const lockId = lockIdOf({ tenantId, roomTypeId, slot, generation });

        expect(isUuid(lockId) && lockId[14] === '8' && '89ab'.includes(lockId[19]!)).toBe(true);
        const key = Buffer.from(partitionKeyOf({ tenantId, roomTypeId }));
        for (const count of [1, 4, 12, 97]) {
          expect(partitionOfLock(lockId, count)).toBe(partitionFor(key, count));
        }
      }),
    );
  });

  test('is the same when it is made again, and another for every part', () => {
    const ids = [
      source,
      { ...source, tenantId: 'u' },
      { ...source, roomTypeId: 'suite' },
      { ...source, slot: 'reservation:k' },
      { ...source, generation: 2 },
    ].map(lockIdOf);

    expect(lockIdOf(source)).toBe(ids[0]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(['', 'nonsense', '7e000000-0000-4000-8000-000000000001'])('is not "%s"', (text) => {
    expect(keyHashOf(text)).toBeUndefined();
  });
});
