/** Commands through Kafka: decided once, answered by events, and refused with every byte kept. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  FollowingGuard,
  idOf,
  serviceId,
  standard,
  suite,
  tenantId,
} from '../../support/following-guard.ts';

const stay = { stayStart: '2026-05-10', stayEnd: '2026-05-13', reason: 'RESERVATION_CREATE' };
const wish = { reservationId: idOf('R1'), roomTypeId: standard, ...stay };
const lock = 'inventory.lock.room';
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
});

afterEach(() => guard.driver.close());

const eventTypes = (): readonly string[] => guard.events().map(({ type }) => type);

describe('a command to lock', () => {
  test('is granted, and its event carries the ids of command and correlation', async () => {
    await guard.command(lock, wish, { initiatedBy: { userId: 'desk-7' } });

    expect(guard.events()).toMatchObject([
      {
        ...{ type: 'inventory.locked', commandId: idOf('command'), correlationId: 'correlation-1' },
        ...{ reservationId: idOf('R1'), actor: 'desk-7', status: 'TENTATIVE' },
      },
    ]);
    expect(guard.deadLetters()).toEqual([]);
  });

  test('is understood in snake_case too, and as Avro', async () => {
    const about = { command_name: lock, tenant_id: tenantId, target_service: serviceId };
    const payload = {
      ...{ reservation_id: idOf('R2'), room_type_id: suite, reason: 'r' },
      ...{ stay_start: '2026-05-10', stay_end: '2026-05-12' },
    };
    const text = (commandId: string): string =>
      JSON.stringify({ metadata: { ...about, command_id: commandId }, payload });
    await guard.send(text('c-1'));
    await guard.send(Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from(text('c-2'))]));

    expect(guard.events()).toMatchObject([{ type: 'inventory.locked', commandId: 'c-1' }]);
    expect(await guard.standing()).toEqual(['R2 suite TENTATIVE 05-10 05-11']);
    expect(guard.deadLetters()).toEqual([]);
  });

  test('that does not fit is answered by an event that says why and for which command', async () => {
    await guard.held('R2', { roomTypeId: suite });
    guard.events();
    await guard.command(lock, { ...wish, roomTypeId: suite });

    expect(guard.events()).toMatchObject([
      {
        ...{ type: 'inventory.rejected', commandId: idOf('command'), reason: 'TYPE_FULL' },
        ...{ reservationId: idOf('R1'), correlationId: 'correlation-1', lockId: null },
      },
    ]);
  });

  test('that comes twice has one effect, even when its stay is free again', async () => {
    await guard.command(lock, { ...wish, roomTypeId: suite });
    const [held] = await guard.liveHolds(suite);
    const release = { lockId: held?.lockId, reason: 'changed my mind' };
    await guard.command('inventory.release.room', release, { commandId: 'release-1' });
    await guard.command(lock, { ...wish, roomTypeId: suite, stayEnd: '2026-05-12' });

    expect(eventTypes()).toEqual([
      'inventory.locked',
      'inventory.release_requested',
      'inventory.released',
    ]);
    expect(await guard.standing()).toEqual([]);
  });

  test('and a request for the same slot have one effect, whichever comes first', async () => {
    await guard.command(lock, wish);
    const answer = await guard.lock('R1', { reason: 'RPC' });

    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: true });
    expect(eventTypes()).toEqual(['inventory.locked']);
  });

  test('of years ago is recorded, and never granted', async () => {
    const issuedAt = new Date(guard.nowMs() - 3 * 365 * 86_400_000).toISOString();
    for (let at = 0; at < 50; at += 1) {
      const ids = { commandId: `old-${at}`, issuedAt };
      await guard.command(lock, { ...wish, reservationId: idOf(`old ${at}`) }, ids);
    }

    expect(guard.events()).toEqual([]);
    expect(guard.deadLetters()).toEqual([]);
    expect(await guard.standing()).toEqual([]);
  });

  test('is remembered across a restart', async () => {
    await guard.command(lock, wish);
    await guard.driver.close();
    guard = await FollowingGuard.start({}, guard);
    await guard.command(lock, { ...wish, stayEnd: '2026-05-11' });

    expect(eventTypes()).toEqual(['inventory.locked']);
  });
});

describe('a command to release', () => {
  test('many at once is done in every partition that has some of them', async () => {
    const ids = [
      (await guard.held('R1')).lockId,
      (await guard.held('R2')).lockId,
      (await guard.held('R3', { roomTypeId: suite })).lockId,
    ];
    await guard.command('inventory.release.bulk', { lockIds: ids, reason: 'CLEARED' });

    expect(await guard.standing()).toEqual([]);
    expect(guard.events().filter(({ commandId }) => commandId === idOf('command')).length).toBe(
      2 * ids.length,
    );
  });

  test("another tenant's hold is refused as one that is not there", async () => {
    const { lockId } = await guard.held('R1');
    await guard.command('inventory.release.room', { lockId }, { tenantId: idOf('other tenant') });

    expect(await guard.standing()).toHaveLength(1);
    expect(headersOf(guard)).toMatchObject([{ '__dlq.error.code': 'NOT_FOUND' }]);
  });
});

describe('a command for others', () => {
  test.each([
    ['names another service', { targetService: 'billing-service' }],
    ['names none', { targetService: undefined }],
  ])('%s: nothing is done, and nothing complained of', async (_title, metadata) => {
    await guard.command(lock, wish, metadata);

    expect(guard.events()).toEqual([]);
    expect(guard.deadLetters()).toEqual([]);
  });

  test('is not even read when its header says so', async () => {
    const headers = [{ key: 'x-command-target', value: Buffer.from('billing-service') }];
    await guard.send('{ no json', headers);

    expect(guard.deadLetters()).toEqual([]);
  });
});

describe('a poisoned command', () => {
  const about = { commandId: 'c', commandName: lock, tenantId, targetService: serviceId };
  const with_ = (metadata: object, payload: unknown): string =>
    JSON.stringify({ metadata: { ...about, ...metadata }, payload });
  const variants: readonly (readonly [string, string | Buffer])[] = [
    ['no JSON', '{ "metadata": '],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['empty', Buffer.alloc(0)],
    ['Avro of an unknown shape', Buffer.from([0, 0, 0, 0, 9, 1, 2, 3])],
    ['no command id', with_({ commandId: undefined }, wish)],
    ['a tenant that is no id', with_({ tenantId: 'tenant' }, wish)],
    ['an unknown command', with_({ commandName: 'inventory.paint.room' }, wish)],
    ['a payload that is a list', with_({}, [wish])],
    ['a lock without its room type', with_({}, { ...wish, roomTypeId: null })],
    ['a stay that ends before it begins', with_({}, { ...wish, stayEnd: '2026-05-01' })],
    ['a stay of no dates', with_({}, { ...wish, stayStart: 'soon' })],
    [
      'a release of no lock',
      with_({ commandName: 'inventory.release.room' }, { lockId: standard }),
    ],
    ['control characters', with_({}, { ...wish, idempotencyKey: 'a\u0000b' })],
    ['a time of issue that is none', with_({ issuedAt: 'yesterday' }, wish)],
  ];

  test.each(variants)('(%s) goes to the dead letters byte for byte', async (_title, value) => {
    const headers = [{ key: 'x-request', value: Buffer.from([1, 2, 0xff]) }];
    await guard.send(value, headers);
    const letters = guard.deadLetters();

    expect(letters).toHaveLength(1);
    expect(letters[0]?.value).toEqual(Buffer.from(value));
    expect(letters[0]?.key).toEqual(Buffer.from('key'));
    expect(letters[0]?.headers[0]).toEqual(headers[0]);
    expect(headersOf(guard, letters)[0]).toMatchObject({
      ...{ '__dlq.topic': 'commands.primary', '__dlq.partition': '0', '__dlq.offset': '0' },
      '__dlq.error.message': expect.stringMatching(/./),
    });
    expect(guard.events()).toEqual([]);
  });

  test('does not stand in the way of the next one', async () => {
    for (const [, value] of variants) await guard.send(value);
    await guard.command(lock, wish);

    expect(guard.deadLetters()).toHaveLength(variants.length);
    expect(eventTypes()).toEqual(['inventory.locked']);
  });

  test('once it is mended and sent again under its id is decided', async () => {
    await guard.command(lock, { ...wish, stayEnd: '2026-05-01' });
    await guard.command(lock, wish);

    expect(guard.deadLetters()).toHaveLength(1);
    expect(eventTypes()).toEqual(['inventory.locked']);
  });
});

function headersOf(
  of: FollowingGuard,
  letters = of.deadLetters(),
): readonly Readonly<Record<string, string>>[] {
  return letters.map(({ headers }) =>
    Object.fromEntries(headers.map(({ key, value }) => [key, String(value)])),
  );
}
