import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { differences, eventually, feed as feedRows, ledgerOf, nightsSlept } from './captured.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 180_000;
const lifecycleTopic = 'platform.public.reservation_command_lifecycle';

interface Departed {
  readonly tenant_id: string;
  readonly id: string;
  readonly event_id: string;
}

describe('capture of rows that are hard to capture', () => {
  let system: System;
  let port: KafkaPort;
  let client: pg.Client;
  let workload: Workload;
  let seed = Math.floor(Date.now() / 1_000);

  beforeAll(async () => {
    system = await startSystem(systemOptions);
    port = portOn(system.stack, 'capture-test');
    client = new pg.Client({ connectionString: system.stack.endpoints.platformAdminDatabaseUrl });
    await client.connect();
    workload = await feed();
    await system.application.ready(systemOptions.signal);
    await differences(system, workload);
  }, timeoutMs);

  afterAll(async () => {
    await client.end();
    await port.close();
    await system.stop();
  }, timeoutMs);

  test(
    'F40: a large value that an UPDATE does not touch arrives whole',
    async () => {
      const { event_id: id } = await departed();
      // Of random text: a value that compresses would not be stored out of line.
      const big = Array.from({ length: 600 }, () => Math.random().toString(36)).join('');
      const update = 'UPDATE reservation_command_lifecycle SET';
      await client.query(`${update} metadata = metadata || $2::jsonb WHERE event_id = $1`, [
        id,
        JSON.stringify({ note: big }),
      ]);
      await client.query(`${update} updated_at = now() WHERE event_id = $1`, [id]);
      const versions = await eventually(
        () => recordsWith(big.slice(0, 40)),
        (found) => found.length >= 2,
      );

      expect(versions.length).toBeGreaterThanOrEqual(2);
      expect(versions.every((bytes) => bytes.includes(big))).toBe(true);
      expect(versions.some((bytes) => bytes.includes('__debezium_unavailable_value'))).toBe(false);
      expect(await differences(system, workload)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F41: columns that come and go under load stop nothing',
    async () => {
      const feeding = feed();
      for (const change of ['ADD COLUMN f41_note TEXT', 'DROP COLUMN f41_note']) {
        await client.query(`ALTER TABLE reservations ${change}`);
        await client.query(`ALTER TABLE reservation_command_lifecycle ${change}`);
        await systemClock.sleep(300);
      }

      expect(await differences(system, await feeding)).toEqual([]);
      expect(await differences(system, await feed())).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F42: a row that is deleted, and its tombstone, end nothing but what it said',
    async () => {
      const departure = await departed();
      await client.query('DELETE FROM reservation_command_lifecycle WHERE event_id = $1', [
        departure.event_id,
      ]);
      const types = await eventually(
        async () => (await ledgerOf(system, departure))?.map(({ rollType }) => rollType),
        (found) => found?.includes('CHECKOUT') === false,
      );

      // The nights follow from the reservation's row, which is still there.
      expect(types).toContain('EOD');
      expect(types).not.toContain('CHECKOUT');
      expect(await differences(system, await feed())).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F39: a transaction that is held open is counted when it commits, among what came meanwhile',
    async () => {
      const other = new pg.Client({
        connectionString: system.stack.endpoints.platformAdminDatabaseUrl,
      });
      await other.connect();
      const { event_id: id } = await departed();
      await other.query('BEGIN');
      await other.query(
        'UPDATE reservation_command_lifecycle SET updated_at = now() WHERE event_id = $1',
        [id],
      );
      const during = await differences(system, await feed());
      await other.query('COMMIT');
      await other.end();

      expect(during).toEqual([]);
      expect(await differences(system, await feed())).toEqual([]);
    },
    timeoutMs,
  );

  async function feed(): Promise<Workload> {
    seed += 1;
    const chain = chainWorkload({ seed, days: 3 });
    await feedRows(system, chain);
    return chain;
  }

  async function departed(): Promise<Departed> {
    const tenants = workload.expectations.map(({ tenantId }) => tenantId);
    const { rows } = await client.query<Departed>(
      `SELECT l.tenant_id, r.id, l.event_id
       FROM reservation_command_lifecycle l
         JOIN reservations r ON r.id = l.reservation_id
         JOIN properties p ON p.id = r.property_id
       WHERE l.command_name = 'reservation.check_out' AND l.current_state = 'APPLIED'
         AND l.tenant_id = ANY($1) AND ${nightsSlept} > 0 LIMIT 1`,
      [tenants],
    );
    return rows[0]!;
  }

  async function recordsWith(text: string): Promise<Buffer[]> {
    const found: Buffer[] = [];
    await readRanges(port, await wholeTopics(port, [lifecycleTopic]), ({ value }) => {
      if (value?.includes(text) === true) found.push(value);
      return true;
    });
    return found;
  }
});
