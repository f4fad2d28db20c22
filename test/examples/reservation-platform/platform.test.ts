/** What the platform sends to its database, seen by a database that only writes it down. */
import { describe, expect, test } from '@jest/globals';
import type { PlatformDatabase } from '../../../examples/reservation-platform/database.ts';
import type { PlatformAction } from '../../../examples/reservation-platform/model.ts';
import { applyActions } from '../../../examples/reservation-platform/platform.ts';
import { closeOf, command, reservation } from './lives.ts';

type Sent = readonly [what: string, records: readonly Readonly<Record<string, unknown>>[]];

/** `UPDATE reservations` and its records, in the order sent; one row change per record. */
async function sentFor(actions: readonly PlatformAction[]): Promise<Sent[]> {
  const sent: Sent[] = [];
  const database: PlatformDatabase = {
    query: (text, values) => {
      const [what = ''] = /(INSERT INTO|UPDATE) \w+/.exec(text) ?? [];
      const records = JSON.parse(String(values?.[0])) as Record<string, unknown>[];
      sent.push([what, records]);
      return Promise.resolve({ rows: [], rowCount: records.length });
    },
    transaction: (work) => work(),
    close: () => Promise.resolve(),
  };
  await applyActions(database, actions);
  return sent;
}

const lifecycleTable = 'reservation_command_lifecycle';
const captured = (sent: readonly Sent[]): string[] =>
  sent.map(([what]) => what).filter((what) => !/transactional_outbox|payments/.test(what));

describe('the platform', () => {
  test('inserts a command, walks its states and writes the row between CONSUMED and APPLIED', async () => {
    const sent = await sentFor([command('reservation.create', reservation('a'))]);

    expect(captured(sent)).toEqual([
      `INSERT INTO ${lifecycleTable}`,
      `UPDATE ${lifecycleTable}`,
      `UPDATE ${lifecycleTable}`,
      `UPDATE ${lifecycleTable}`,
      'INSERT INTO reservations',
      `UPDATE ${lifecycleTable}`,
    ]);
    expect(sent.map(([what]) => what)).toContain('INSERT INTO transactional_outbox');
  });

  test('inserts the command as PERSISTED with RECEIVED behind it, at the time it was issued', async () => {
    const [, [, [row]]] = (await sentFor([
      command('reservation.cancel', reservation('a'), { at: '2026-03-21T10:00:00Z' }),
    ])) as [Sent, [string, [Record<string, unknown>]]];

    expect(row).toMatchObject({
      current_state: 'PERSISTED',
      state_transitions: [{ state: 'RECEIVED' }, { state: 'PERSISTED' }],
      metadata: { eventType: 'reservation.cancelled', action: 'cancel' },
      created_at: '2026-03-21T10:00:00.000Z',
    });
  });

  test('writes the row once, before the first APPLIED, when states come after it', async () => {
    const sent = await sentFor([
      command('reservation.modify', reservation('a'), {
        states: ['CONSUMED', 'APPLIED', 'FAILED', 'APPLIED', 'PUBLISHED'],
      }),
    ]);

    expect(captured(sent).indexOf('UPDATE reservations')).toBe(2);
    expect(captured(sent).filter((what) => what === 'UPDATE reservations')).toHaveLength(1);
    expect(captured(sent).filter((what) => what === `UPDATE ${lifecycleTable}`)).toHaveLength(5);
  });

  test('changes no row for a command that dies', async () => {
    const sent = await sentFor([
      command('reservation.create', reservation('a'), { states: ['IN_PROGRESS', 'DLQ'] }),
    ]);

    expect(captured(sent)).not.toContain('INSERT INTO reservations');
  });

  test('lets neighbours of different reservations share statements, and never two of one', async () => {
    const sent = await sentFor([
      command('reservation.create', reservation('a')),
      command('reservation.create', reservation('b')),
      command('reservation.modify', reservation('a')),
    ]);
    const inserted = sent.filter(([what]) => what === `INSERT INTO ${lifecycleTable}`);

    expect(inserted.map(([, records]) => records.map((record) => record['command_name']))).toEqual([
      ['reservation.create', 'reservation.create'],
      ['reservation.modify'],
    ]);
  });

  test('closes a date after what came before it and before what comes after', async () => {
    const sent = await sentFor([
      command('reservation.create', reservation('a')),
      closeOf('2026-03-28'),
      command('reservation.create', reservation('b')),
      closeOf('2026-03-29'),
    ]);
    const order = captured(sent).filter((what) => !what.startsWith('UPDATE reservation_'));

    expect(order).toEqual([
      `INSERT INTO ${lifecycleTable}`,
      'INSERT INTO reservations',
      'UPDATE business_dates',
      'INSERT INTO business_dates',
      `INSERT INTO ${lifecycleTable}`,
      'INSERT INTO reservations',
      'UPDATE business_dates',
      'INSERT INTO business_dates',
    ]);
  });

  test('counts commands, and row changes of captured tables only', async () => {
    const database: PlatformDatabase = {
      query: (_text, values) =>
        Promise.resolve({
          rows: [],
          rowCount: (JSON.parse(String(values?.[0])) as unknown[]).length,
        }),
      transaction: (work) => work(),
      close: () => Promise.resolve(),
    };
    const actions = [command('reservation.check_out', reservation('a')), closeOf('2026-03-28')];

    // One INSERT and four UPDATEs of the command, one of the reservation, two of the dates.
    expect(await applyActions(database, actions)).toEqual({ commands: 1, rowChanges: 8 });
  });
});
