/**
 * What the backfill reads of a real Postgres: rows that commit late, rows that change while they are read,
 * row-level security, one leader. What it publishes is only remembered.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { BackfillParts } from '../../backfill/backfill-options.ts';
import { runPass, type PassResult } from '../../backfill/backfill-pass.ts';
import { everyTenant, listCheckpoints } from '../../backfill/checkpoints.ts';
import { becomeLeader, currentLeader, type Leadership } from '../../backfill/leader-lock.ts';
import { tenantsOf } from '../../backfill/tenants.ts';
import { openDatabase } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { mergeReservationRow, noFacts } from '../../topology/roll/facts.ts';
import { errorCodeOf } from '../support/error-code.ts';
import {
  addCommand,
  addHotel,
  addReservation,
  backfillParts,
  RecordingPublisher,
  testPlatform,
  type Hotel,
  type TestPlatform,
} from './backfill-platform.ts';
import { testSchema } from './test-schema.ts';

let platform: TestPlatform;
let writer: pg.Client;
let other: pg.Client;
let ownUrl = '';
let leadership: Leadership;
let publisher: RecordingPublisher;
let parts: BackfillParts;
let hotel: Hotel;

beforeAll(async () => {
  platform = await testPlatform();
  [writer, other] = [await platform.connect(), await platform.connect()];
});

afterAll(async () => {
  await platform.close();
});

beforeEach(async () => {
  ownUrl = await testSchema('backfill');
  const own = await openDatabase({ url: ownUrl, setting: 'X', applicationName: 'test' });
  await migrate(own);
  await own.close();
  leadership = await lead();
  publisher = new RecordingPublisher();
  parts = await backfillParts(platform.readerUrl, publisher, { batchRows: 3 });
  hotel = await addHotel(writer);
});

afterEach(async () => {
  await leadership.close();
  await parts.platform.close();
});

async function lead(): Promise<Leadership> {
  const leader = await becomeLeader({
    ...{ url: ownUrl, applicationName: 'backfill test', clock: systemClock },
  });
  if (leader === undefined) throw new Error('another one leads');
  return leader;
}

function pass(changes: Partial<BackfillParts> = {}, sweepDueMs?: number): Promise<PassResult> {
  const tenantIds = [hotel.tenantId];
  return runPass({ ...parts, ...changes }, { leadership, tenantIds, sweepDueMs });
}

describe('a pass of the backfill', () => {
  test('publishes each command once, with its reservation, in batches, to the last microsecond (R3)', async () => {
    const reservation = await addReservation(writer, hotel);
    const created = [];
    for (let n = 0; n < 8; n += 1) {
      // Three of each in one microsecond, the next ones a microsecond later: one batch ends between them.
      const createdAt = `2026-03-01 10:00:00.00000${Math.floor(n / 3) + 1}+00`;
      created.push({ id: await addCommand(writer, hotel, reservation, { createdAt }), createdAt });
    }
    const first = await pass();
    const published = publisher.takeCommands();
    // Another transaction of the server may be open: then rows are read again, and not published.
    await pass();
    const [checkpoint] = await listCheckpoints(leadership.database);

    expect(new Set(published)).toEqual(new Set(created.map(({ id }) => id)));
    expect(published).toHaveLength(8);
    expect(first.rows).toBe(8);
    expect(publisher.take()).toEqual([]);
    expect(checkpoint?.position?.createdAt).toBe('2026-03-01 10:00:00.000003+00');
  });

  test('reads a command that committed behind the checkpoint, once', async () => {
    const reservation = await addReservation(writer, hotel);
    await other.query('BEGIN');
    const late = await addCommand(other, hotel, reservation);
    const early = await addCommand(writer, hotel, reservation);
    await pass();
    const before = publisher.takeCommands();
    await pass();
    const stillOpen = publisher.takeCommands();
    await other.query('COMMIT');
    await pass();
    const after = publisher.takeCommands();
    await pass();

    expect({ before, stillOpen, after, end: publisher.takeCommands() }).toEqual({
      ...{ before: [early], stillOpen: [], after: [late], end: [] },
    });
  });

  test('reads what was written behind a savepoint of a transaction that committed late', async () => {
    const reservation = await addReservation(writer, hotel);
    await other.query('BEGIN');
    await addCommand(other, hotel, reservation);
    await other.query('SAVEPOINT part');
    const behind = await addCommand(other, hotel, reservation);
    await other.query('UPDATE reservations SET room_rate = 150 WHERE id = $1', [reservation]);
    await other.query('RELEASE part');
    await addCommand(writer, hotel, reservation);
    await pass();
    publisher.take();
    await other.query('COMMIT');
    await pass();
    const facts = publisher.take();

    expect(facts.map((fact) => (fact.type === 'command' ? fact.eventId : ''))).toContain(behind);
    expect(facts.map((fact) => (fact.type === 'reservation' ? fact.row?.rateMinor : 0))).toContain(
      15_000,
    );
  });

  test('ends with the committed version of a row that was changed in an open transaction', async () => {
    const reservation = await addReservation(writer, hotel);
    await addCommand(writer, hotel, reservation);
    await other.query('BEGIN');
    await other.query('UPDATE reservations SET room_rate = 150 WHERE id = $1', [reservation]);
    await pass();
    const [asItWas] = ratesIn(publisher);
    await other.query('COMMIT');
    await pass();
    const [asItIs] = ratesIn(publisher);
    await pass();
    const versions = [asItWas, asItIs].map((read) => read ?? { rate: 0, version: '', row: null });
    const merged = [...versions, ...versions.toReversed()].reduce(
      (facts, { row, version }) => mergeReservationRow(facts, row, version),
      noFacts(hotel.tenantId, reservation),
    );

    expect([asItWas?.rate, asItIs?.rate, ratesIn(publisher)]).toEqual([10_000, 15_000, []]);
    expect(merged.reservation?.row?.rateMinor).toBe(15_000);
  });

  test('leaves to the sweep what is older than the window, and reservations without any command', async () => {
    const reservation = await addReservation(writer, hotel);
    const old = await addCommand(writer, hotel, reservation, { createdAt: '2025-01-01T00:00:00Z' });
    const orphan = await addReservation(writer, hotel);
    await pass();
    const first = publisher.take();
    await writer.query('UPDATE reservations SET room_rate = 1 WHERE tenant_id = $1', [
      hotel.tenantId,
    ]);
    await pass();
    const unswept = publisher.take();
    await pass({}, Infinity);
    const swept = publisher.take();
    await pass({}, 1);

    expect(first.map(({ type }) => type)).toEqual(['command', 'reservation', 'reservation']);
    expect(unswept).toEqual([]);
    expect(swept.filter(({ type }) => type === 'command')).toMatchObject([{ eventId: old }]);
    expect(swept.filter(({ type }) => type === 'reservation')).toHaveLength(2);
    expect(orphan).not.toBe(reservation);
    expect(publisher.take()).toEqual([]);
  });

  test('puts a row that says nothing sensible to the dead letters and goes on', async () => {
    const good = await addReservation(writer, hotel);
    const bad = await addReservation(writer, hotel);
    await writer.query("UPDATE reservations SET currency = 'eur' WHERE id = $1", [bad]);
    await addCommand(writer, hotel, bad);
    const command = await addCommand(writer, hotel, good);
    await pass();
    const refused = publisher.batches.flatMap((batch) => batch.refused);

    expect(refused.map(({ key, row }) => [key, row['currency']])).toEqual([[bad, 'eur']]);
    expect(publisher.takeCommands()).toContain(command);
  });

  test('moves no checkpoint over what was not acknowledged', async () => {
    const reservation = await addReservation(writer, hotel);
    for (let n = 0; n < 7; n += 1) await addCommand(writer, hotel, reservation);
    publisher.failure = new Error('no broker');
    const failed = await pass();
    const lost = publisher.takeCommands();
    await pass();

    expect([failed.failures.length, lost.length]).toEqual([1, 0]);
    expect(new Set(publisher.takeCommands()).size).toBe(7);
  });

  test('of one tenant fails for itself: the others go on (R10)', async () => {
    const stuck = hotel;
    await addCommand(writer, stuck, await addReservation(writer, stuck));
    hotel = await addHotel(writer);
    const command = await addCommand(writer, hotel, await addReservation(writer, hotel));
    publisher.failure = new Error('stuck');
    const tenantIds = [stuck.tenantId, hotel.tenantId];
    const { failures } = await runPass(parts, { leadership, tenantIds, sweepDueMs: undefined });

    expect(failures.map(({ tenantId }) => tenantId)).toEqual([stuck.tenantId]);
    expect(publisher.takeCommands()).toEqual([command]);
  });

  test('begins where the all-zero tenant says, and anew for another topic', async () => {
    const reservation = await addReservation(writer, hotel);
    const before = await addCommand(writer, hotel, reservation, { createdAt: '2026-01-01' });
    const after = await addCommand(writer, hotel, reservation, { createdAt: '2026-02-01' });
    await leadership.database.query(
      `INSERT INTO roll_service_backfill_checkpoint (tenant_id, last_event_id, last_event_created_at)
       VALUES ($1, $1, '2026-01-15')`,
      [everyTenant],
    );
    await pass();
    const fromStart = publisher.takeCommands();
    await leadership.database.query(
      'DELETE FROM roll_service_backfill_checkpoint WHERE tenant_id = $1',
      [everyTenant],
    );
    await pass();
    const known = publisher.takeCommands();
    publisher.topicId = 'another';
    await pass();

    expect({ fromStart, known }).toEqual({ fromStart: [after], known: [] });
    expect(new Set(publisher.takeCommands())).toEqual(new Set([before, after]));
  });

  test('reads every tenant as a role that row-level security applies to (R9)', async () => {
    await addCommand(writer, hotel, await addReservation(writer, hotel));
    const role = `plain_${platform.schema}`;
    const url = new URL(platform.readerUrl);
    await writer.query(`CREATE ROLE ${role} LOGIN PASSWORD 'plain'`);
    await writer.query(`GRANT USAGE ON SCHEMA ${platform.schema} TO ${role}`);
    await writer.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${platform.schema} TO ${role}`);
    for (const table of ['reservations', 'reservation_command_lifecycle']) {
      await writer.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON ${table} TO ${role}
        USING (tenant_id = NULLIF(current_setting('app.current_tenant_id', true), '')::uuid)`);
    }
    [url.username, url.password] = [role, 'plain'];
    await parts.platform.close();
    parts = await backfillParts(url.href, publisher);
    const tenants = await tenantsOf(parts.platform);
    await pass();
    await writer.query(`REVOKE SELECT ON tenants FROM ${role}`);
    const hidden = await errorCodeOf(tenantsOf(parts.platform));
    await writer.query(`ALTER TABLE reservations DISABLE ROW LEVEL SECURITY;
      ALTER TABLE reservation_command_lifecycle DISABLE ROW LEVEL SECURITY; DROP OWNED BY ${role}; DROP ROLE ${role}`);

    expect(tenants).toContain(hotel.tenantId);
    expect(publisher.takeCommands()).toHaveLength(1);
    expect(hidden).toBe('CONFIG_INVALID');
  });
});

describe('the leader of the backfill', () => {
  test('is one: another becomes it when the first is gone', async () => {
    const options = { url: ownUrl, applicationName: 'second', clock: systemClock };
    const refused = await becomeLeader(options);
    const told = await currentLeader(leadership.database);
    await leadership.close();
    leadership = await lead();

    expect(refused).toBeUndefined();
    expect(told?.applicationName).toBe('backfill test');
  });

  test('whose session was cut moves nothing any more, and knows it', async () => {
    await addCommand(writer, hotel, await addReservation(writer, hotel));
    const admin = await openDatabase({ url: ownUrl, setting: 'X', applicationName: 'admin' });
    const { rows } = await leadership.database.query('SELECT pg_backend_pid() AS pid');
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.['pid']]);
    await admin.close();
    const zombie = leadership;
    const failed = await errorCodeOf(pass());
    leadership = await lead();
    const stillFailed = await errorCodeOf(Promise.resolve().then(() => zombie.check()));
    await zombie.close();
    await pass();

    expect([failed, stillFailed]).toEqual(['DATABASE_UNAVAILABLE', 'DATABASE_UNAVAILABLE']);
    expect(publisher.takeCommands().length).toBeGreaterThan(0);
  });

  test('that was replaced unawares cannot set a checkpoint back', async () => {
    await addCommand(writer, hotel, await addReservation(writer, hotel));
    const publish = publisher.publish.bind(publisher);
    // While its batch is on its way, another one moves the checkpoint.
    publisher.publish = async (facts) => {
      await publish(facts);
      await leadership.database.query(
        `INSERT INTO roll_service_backfill_checkpoint (tenant_id) VALUES ($1)`,
        [hotel.tenantId],
      );
    };

    expect(await errorCodeOf(pass())).toBe('PRECONDITION_FAILED');
  });
});

function ratesIn(from: RecordingPublisher) {
  return from
    .take()
    .flatMap((fact) =>
      fact.type === 'reservation' && fact.row !== null
        ? [{ rate: fact.row.rateMinor, version: fact.version, row: fact.row }]
        : [],
    );
}
