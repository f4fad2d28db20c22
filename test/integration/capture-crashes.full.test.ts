import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { verdictOf } from '../../connectors/connector-health.ts';
import { toConnect } from '../../connectors/debezium-postgres.ts';
import { deleteConnector } from '../../connectors/delete-connector.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { dropSlot } from '../../connectors/replication-slot.ts';
import { systemClock } from '../../kernel/clock.ts';
import { stackSecret } from '../../tools/connectors/prepare-stack-database.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import {
  differences,
  eventually,
  feed,
  kill,
  ledgerOf,
  query,
  recordsOf,
  type Entry,
} from './captured.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const lifecycle = 'reservation_command_lifecycle';
let seed = Math.floor(Date.now() / 1_000) * 10;

interface Reservation {
  readonly tenant_id: string;
  readonly id: string;
}

describe('capture through crashes and changes of keys', () => {
  let system: System;
  let base: Workload;

  beforeAll(async () => {
    system = await startSystem(systemOptions);
    base = workload(4);
    await feed(system, base);
    await system.application.ready(systemOptions.signal);
    await differences(system, base);
  }, timeoutMs);

  afterAll(async () => {
    await system.stop();
  }, timeoutMs);

  test(
    'F31, F32: a Connect worker killed in mid-load and started again loses nothing and doubles nothing',
    async () => {
      const load = workload(8);
      const feeding = feed(system, load);
      await systemClock.sleep(700);
      await kill(system, 'connect', 'SIGKILL');
      await feeding;
      await system.mendStack();

      expect(await differences(system, load)).toEqual([]);
      expect(await verdict()).toBe('running');
    },
    timeoutMs,
  );

  test(
    'F42: a deleted reservation has no entries any more, and its tombstone is passed over',
    async () => {
      const reservation = await departed();
      const before = await ledgerOf(system, reservation);
      await remove(reservation);
      const after = await ledgerWhen(reservation, (entries) => entries?.length === 0);
      const records = await recordsOf(system, 'reservations', reservation.id);

      expect(count(before, 'CHECKOUT')).toBe(1);
      expect(after).toEqual([]);
      expect(records.at(-2)?.value).toBeInstanceOf(Buffer);
      expect(records.at(-1)?.value).toBeNull();
    },
    timeoutMs,
  );

  test(
    'F42: a deleted command takes its entry with it',
    async () => {
      const reservation = await departed();
      const before = await ledgerOf(system, reservation);
      const command = await checkOutOf(reservation);
      await query(system, `DELETE FROM ${lifecycle} WHERE event_id = $1`, [command]);
      const after = await ledgerWhen(reservation, (found) => count(found, 'CHECKOUT') === 0);

      expect(count(after, 'CHECKOUT')).toBe(0);
      expect(count(after, 'EOD')).toBe(count(before, 'EOD'));
    },
    timeoutMs,
  );

  test(
    'F42: an updated primary key moves the entry to the new key: the old one goes, the new one comes',
    async () => {
      const reservation = await departed();
      const command = await checkOutOf(reservation);
      const [row] = await query<{ event_id: string }>(
        system,
        `UPDATE ${lifecycle} SET event_id = gen_random_uuid() WHERE event_id = $1 RETURNING event_id`,
        [command],
      );
      const ids = (found: readonly Entry[] | undefined) =>
        found?.filter((entry) => entry.rollType === 'CHECKOUT').map((e) => e.lifecycleEventId);
      const after = await ledgerWhen(reservation, (found) => ids(found)?.join() === row!.event_id);

      expect(ids(after)).toEqual([row!.event_id]);
    },
    timeoutMs,
  );

  test(
    'F43: a snapshot that is killed and begun again misses no row and undoes no later update',
    async () => {
      const { connector, client } = platform();
      const { name, slot } = connector;
      const forgetting = { forgetOffsets: true, clock: systemClock, waitTimeoutMs: 30_000 };
      await deleteConnector({ client, name, ...forgetting });
      await eventually(
        () =>
          dropSlot(adminUrl(), slot).then(
            () => true,
            () => false,
          ),
        (isDropped) => isDropped,
      );
      const load = workload(5);
      const touched = workload(3);
      for (const each of [touched, load]) await feed(system, each);
      const [changed] = await departedOf(touched);
      const known = await snapshotRows();
      const throughput = { batchRecordsMax: 16, queueRecordsMax: 32, snapshotFetchRows: 16 };
      const slow = platform({ throughput: { ...throughput, pollIntervalMs: 50 } });
      await slow.client.putConfig(toConnect(slow.connector));
      // Read before the kill: what becomes of it meanwhile must not be lost on the second read.
      await eventually(
        () => recordsOf(system, 'reservations', changed!.id),
        (records) => records.length > 0,
      );
      await kill(system, 'connect', 'SIGKILL');
      const atKill = await snapshotRows();
      const [raised] = await query<{ room_rate: string }>(
        system,
        'UPDATE reservations SET room_rate = room_rate + 1 WHERE id = $1 RETURNING room_rate',
        [changed!.id],
      );
      await system.mendStack();
      await apply();

      const rates = (found: readonly Entry[] | undefined): readonly number[] =>
        found?.filter(({ rollType }) => rollType === 'EOD').map((e) => e.amountMinor) ?? [];
      const rate = Math.round(Number(raised!.room_rate) * 100);
      const isRaised = (found: readonly Entry[] | undefined): boolean =>
        rates(found).length > 0 && rates(found).every((each) => each === rate);

      expect(atKill - known).toBeLessThan(await commandRows());
      expect(await differences(system, load)).toEqual([]);
      expect(isRaised(await ledgerWhen(changed!, isRaised))).toBe(true);
    },
    timeoutMs,
  );

  test(
    'F42: a truncate is no change of rows: the ledgers keep what they have, and capture goes on',
    async () => {
      const reservation = await departed();
      const before = await ledgerOf(system, reservation);
      await query(system, `TRUNCATE ${lifecycle}`);
      const after = workload(2);
      await feed(system, after);

      expect(await differences(system, after)).toEqual([]);
      expect(await ledgerOf(system, reservation)).toEqual(before);
      expect(await verdict()).toBe('running');
    },
    timeoutMs,
  );

  function workload(days: number): Workload {
    seed += 1;
    return chainWorkload({ seed, days });
  }

  function adminUrl(): string {
    return system.stack.endpoints.platformAdminDatabaseUrl;
  }

  function platform(overrides = {}) {
    const { endpoints } = system.stack;
    const connector = platformConnector({
      databaseUrl: endpoints.platformDatabaseUrl,
      passwordReference: stackSecret(system.stack).reference,
      registryUrl: endpoints.registryApiUrl,
      overrides,
    });
    const client = new ConnectClient({ url: endpoints.kafkaConnectUrl, clock: systemClock });
    return { connector, client };
  }

  async function apply(): Promise<void> {
    const { connector, client } = platform();
    const connectors = [toConnect(connector)];
    await applyConnectors({ client, connectors, clock: systemClock, waitTimeoutMs: 60_000 });
  }

  async function verdict(): Promise<string> {
    const { connector, client } = platform();
    return verdictOf(await client.status(connector.name));
  }

  function ledgerWhen(
    reservation: Reservation,
    isAsWanted: (found: readonly Entry[] | undefined) => boolean,
  ): Promise<readonly Entry[] | undefined> {
    return eventually(() => ledgerOf(system, reservation), isAsWanted);
  }

  /** A guest of the first workload who stayed over night and left; another one each time. */
  async function departed(): Promise<Reservation> {
    const all = await departedOf(base);
    return all[(used += 1)]!;
  }

  function departedOf(load: Workload): Promise<readonly Reservation[]> {
    return query<Reservation>(
      system,
      `SELECT tenant_id, id FROM reservations
       WHERE status = 'CHECKED_OUT' AND tenant_id = ANY($1)
         AND actual_check_out::date > actual_check_in::date ORDER BY id`,
      [load.expectations.map(({ tenantId }) => tenantId)],
    );
  }

  async function remove({ id }: Reservation): Promise<void> {
    await query(system, 'DELETE FROM payments WHERE reservation_id = $1', [id]);
    await query(system, 'DELETE FROM reservations WHERE id = $1', [id]);
  }

  /** The command that left the entry; a guest may have been checked out more than once. */
  async function checkOutOf(reservation: Reservation): Promise<string> {
    const entries = (await ledgerOf(system, reservation)) ?? [];
    return entries.find(({ rollType }) => rollType === 'CHECKOUT')!.lifecycleEventId;
  }

  async function commandRows(): Promise<number> {
    const text = `SELECT count(*)::int AS rows FROM ${lifecycle}`;
    const [row] = await query<{ rows: number }>(system, text);
    return row!.rows;
  }

  /** Of the last large table of a snapshot, so that fewer than it has mean that it is not over. */
  async function snapshotRows(): Promise<number> {
    return (await recordsOf(system, lifecycle, '')).length;
  }
});

let used = -1;

function count(entries: readonly Entry[] | undefined, rollType: string): number {
  return entries?.filter((entry) => entry.rollType === rollType).length ?? -1;
}
