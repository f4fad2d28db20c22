/** The guard's tables on the real stack: what it answers over HTTP is what they show. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createRooms, type SampleType } from '../../tools/load/sample-rooms.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { tokenEntry } from '../support/admin-settings.ts';
import { until } from './projected.ts';
import { systemOptions } from './test-system.ts';
import { testSchema } from './test-schema.ts';

const timeoutMs = 180_000;
const token = 'tell-me';
const { signal } = systemOptions;

describe("the guard's tables", () => {
  let system: System;
  let tables: Database;
  let type: SampleType;

  beforeAll(async () => {
    const url = await testSchema('guard-tables');
    tables = await openDatabase({ url, setting: 'X_URL', applicationName: 'test' });
    const settings = { ROLLGUARD_DATABASE_URL: url };
    system = await startSystem({ ...systemOptions, isBare: true });
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs() / 1_000), days: 1 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    type = await createRooms(databaseUrl, 2);
    system.startApplication({
      ...settings,
      AVAILABILITY_GUARD_ADMIN_TOKENS: tokenEntry('desk', token, [type.tenantId]),
    });
    await system.application.ready(signal);
  }, timeoutMs);

  afterAll(async () => {
    await tables.close();
    await system.stop();
  }, timeoutMs);

  test(
    'show every hold as the API answers it, and who did what to it',
    async () => {
      const kept = await lock({ roomId: type.roomIds[0], stayEnd: '2031-05-04' });
      const changed = await lock({ idempotencyKey: 'changed' });
      await lock({ idempotencyKey: 'changed', stayEnd: '2031-05-05' });
      const released = await lock({ idempotencyKey: 'released', stayStart: '2031-07-01' });
      await ask('DELETE', `/v1/locks/${released}`, { reason: 'not wanted' });
      const expired = await lock({
        idempotencyKey: 'expired',
        stayStart: '2031-08-01',
        ttlSeconds: 1,
      });
      const ids = [kept, changed, released, expired];
      await until(async () => (await statusOf(expired)) === 'EXPIRED');
      await until(async () => (await auditsOf(expired)).length === 2);

      for (const id of ids) {
        const { body } = await ask('GET', `/v1/locks/${id}`);
        expect(await rowOf(id)).toEqual(expectedRow(body as LockBody));
        const audit = await ask('GET', `/v1/locks/${id}/audit`);
        const { records } = audit.body as { records: readonly Record<string, unknown>[] };
        expect(await auditsOf(id)).toEqual(
          records.map(({ auditId, action, at }) => ({ id: auditId, action, at })).reverse(),
        );
      }
    },
    timeoutMs,
  );

  test(
    'show every room with its windows and the hold that has it next',
    async () => {
      const [held, closed] = type.roomIds;
      await platform(
        `UPDATE rooms SET is_out_of_order = true, out_of_order_since = '2031-05-01',
           expected_ready_date = '2031-05-09', status = 'OUT_OF_ORDER', version = version + 1 WHERE id = $1`,
        [closed],
      );
      await until(async () => (await roomOf(closed))?.['is_out_of_order'] === true);

      expect(await roomOf(held)).toMatchObject({
        ...{ room_type_id: type.roomTypeId, status: 'SETUP', is_out_of_order: false },
        ...{ live_lock_status: 'ACTIVE', live_lock_stay_end: expect.stringMatching(/^2031-05-04/) },
      });
      expect(await roomOf(closed)).toMatchObject({
        ...{ status: 'OUT_OF_ORDER', live_lock_id: null },
        out_of_order_since: '2031-05-01 00:00:00+00',
        expected_ready_date: '2031-05-09 00:00:00+00',
      });
    },
    timeoutMs,
  );

  async function lock(more: object): Promise<string> {
    const { status, body } = await ask('POST', '/v1/locks', {
      ...{ roomTypeId: type.roomTypeId, idempotencyKey: 'kept', reason: 'HOLD' },
      ...{ stayStart: '2031-05-01', stayEnd: '2031-09-01', ...more },
      ...('stayEnd' in more || !('stayStart' in more) ? {} : { stayEnd: '2031-09-02' }),
    });
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return (body as { readonly lock: LockBody }).lock.lockId;
  }

  async function ask(method: string, route: string, body?: object) {
    const response = await fetch(`${system.application.url}${route}`, {
      method,
      headers: {
        ...{ 'x-tenant-id': type.tenantId, 'x-guard-admin-token': token },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async function statusOf(lockId: string): Promise<unknown> {
    const sql = 'SELECT status FROM inventory_locks_shadow WHERE id = $1';
    return (await tables.query(sql, [lockId])).rows[0]?.['status'];
  }

  async function rowOf(lockId: string) {
    const iso = (column: string): string =>
      `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;
    const { rows } = await tables.query(
      `SELECT tenant_id, reservation_id, room_type_id, room_id, property_id, slot, status, reason,
              actor, version, release_reason, ${iso('stay_start')}, ${iso('stay_end')},
              ${iso('expires_at')}, ${iso('released_at')}, ${iso('created_at')}
       FROM inventory_locks_shadow WHERE id = $1`,
      [lockId],
    );
    return rows[0];
  }

  async function auditsOf(lockId: string) {
    const { rows } = await tables.query(
      `SELECT id, action, to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at
       FROM inventory_lock_audits WHERE lock_id = $1 ORDER BY (metadata ->> 'version')::bigint`,
      [lockId],
    );
    return rows;
  }

  async function roomOf(roomId: string | undefined) {
    const sql = 'SELECT * FROM room_state_shadow WHERE room_id = $1';
    return (await tables.query(sql, [roomId])).rows[0];
  }

  async function platform(sql: string, values: readonly unknown[]): Promise<void> {
    const client = new pg.Client({
      connectionString: system.stack.endpoints.platformAdminDatabaseUrl,
    });
    await client.connect();
    await client.query(sql, [...values]).finally(() => client.end());
  }
});

type LockBody = Readonly<Record<string, unknown>> & { readonly lockId: string };

function expectedRow(body: LockBody) {
  return {
    tenant_id: body['tenantId'],
    reservation_id: body['reservationId'],
    room_type_id: body['roomTypeId'],
    room_id: body['roomId'],
    property_id: body['propertyId'],
    slot: body['slot'],
    status: body['status'] === 'TENTATIVE' ? 'ACTIVE' : body['status'],
    reason: body['reason'],
    actor: body['actor'],
    version: String(body['version']),
    release_reason: body['releaseReason'],
    stay_start: body['stayStart'],
    stay_end: body['stayEnd'],
    expires_at: body['expiresAt'],
    released_at: body['releasedAt'],
    created_at: body['grantedAt'],
  };
}
