/**
 * A slot that is dropped, on the whole line: told within 30 s, by who looks later too, and closed. Database,
 * connector, slot and topics are this test's own; `npm run drill` does the same with services and load.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RecoverReport } from '../../capture/recover-capture.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { startHttpServer } from '../../api/http-server.ts';
import { healthRoutes } from '../../api/routes/health.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { eventually } from './captured.ts';
import { OwnCapture } from './own-capture.ts';

const timeoutMs = 240_000;

describe('a replication slot that is dropped', () => {
  let own: OwnCapture;

  beforeAll(async () => {
    own = await OwnCapture.start('lost_slot');
  }, timeoutMs);

  afterAll(() => own.close(), timeoutMs);

  test(
    'is not what a connector is that delivers nothing: that is told within 30 s as well, and mends itself',
    async () => {
      const [withConnect, withoutConnect] = [createMetricsRegistry(), createMetricsRegistry()];
      const watches = [
        own.startWatch({ metrics: withConnect }),
        // It has the slot and the heartbeats alone to go by.
        own.startWatch({ metrics: withoutConnect, settings: { KAFKA_CONNECT_URL: '' } }),
      ];
      const servers = await Promise.all(
        [withConnect, withoutConnect].map((metrics, at) =>
          startHttpServer({
            ...{ host: '127.0.0.1', port: 0, clock: systemClock, logger: silentLogger },
            routes: [healthRoutes(watches.slice(at, at + 1), metrics)],
          }),
        ),
      );
      const [told, toldByHeartbeat] = servers.map(
        ({ port }) =>
          () =>
            toldBy(port),
      );
      if (told === undefined || toldByHeartbeat === undefined) throw new Error('no server');
      const isWell = ({ warning, suspect }: Told): boolean => warning === '' && suspect === '0';
      const isNotWell = ({ warning, suspect }: Told): boolean => warning !== '' && suspect === '1';
      const before = await Promise.all([
        eventually(told, isWell),
        eventually(toldByHeartbeat, isWell),
      ]);
      await own.client.stop(own.name);
      const stoppedMs = systemClock.monotonicMs();
      const secondsUntil = async (ask: () => Promise<Told>) => ({
        ...(await eventually(ask, isNotWell)),
        seconds: (systemClock.monotonicMs() - stoppedMs) / 1_000,
      });
      const [byConnect, byHeartbeat] = await Promise.all([
        secondsUntil(told),
        secondsUntil(toldByHeartbeat),
      ]);
      await own.client.resume(own.name);
      const after = await Promise.all([
        eventually(told, isWell),
        eventually(toldByHeartbeat, isWell),
      ]);
      await Promise.all(servers.map((server) => server.close()));

      const well = { status: 200, warning: '', suspect: '0' };
      expect(before).toEqual([well, well]);
      expect(byConnect).toMatchObject({ status: 200, suspect: '1' });
      expect(byConnect.warning).toMatch(/^connector-down: .*paused or stopped/);
      expect(byConnect.seconds).toBeLessThan(15);
      expect(byHeartbeat).toMatchObject({ status: 200, suspect: '1' });
      expect(byHeartbeat.warning).toMatch(/^silent: nobody reads the replication slot/);
      expect(byHeartbeat.seconds).toBeLessThan(30);
      expect(after).toEqual([well, well]);
    },
    timeoutMs,
  );

  test(
    'is told within 30 s, and after a restart; the recovery brings what was missed, deletions among it',
    async () => {
      const watch = own.startWatch();
      await eventually(
        () => own.port.admin.describeTopics([`${own.name}.capture-log`]),
        ({ length }) => length > 0,
      );
      const mayMissChanges = await eventually(
        () => Promise.resolve(watch.mayMissChanges()),
        (may) => !may,
      );
      const before = [watch.notReady(), mayMissChanges];
      await own.dropSlotInUse();
      const droppedMs = systemClock.monotonicMs();
      const told = await eventually(() => Promise.resolve(watch.notReady()), Boolean);
      const seconds = (systemClock.monotonicMs() - droppedMs) / 1_000;
      const deleted = await changeUnseen();
      const again = own.startWatch();
      const toldAfterRestart = await eventually(() => Promise.resolve(again.notReady()), Boolean);
      const report = await own.recover();
      const later = await eventually(
        () => Promise.resolve(watch.notReady()),
        (reason) => reason === undefined,
      );
      await own.feed();
      const end = await eventually(
        () => own.compare(),
        ({ differences }) => differences.length === 0,
      );

      expect(before).toEqual([undefined, false]);
      expect(told).toContain('slot-missing');
      expect(seconds).toBeLessThan(30);
      expect(toldAfterRestart).toContain('slot-missing');
      expect(later).toBeUndefined();
      expect(tableOf(report, 'reservations')).toMatchObject({ changed: 1, deleted });
      expect(tableOf(report, 'reservations')?.inserted).toBeGreaterThan(10);
      expect(end.differences).toEqual([]);
      expect(end.rows).toBeGreaterThan(100);
    },
    timeoutMs,
  );

  /** @returns how many reservations are deleted; one is changed, many are new. */
  async function changeUnseen(): Promise<number> {
    const { rows } = await own.admin.query('SELECT id FROM reservations ORDER BY id LIMIT 6');
    const [changed, ...gone] = rows.map(({ id }) => String(id));
    await own.feed();
    await own.admin.query('SET session_replication_role = replica');
    await own.admin.query('DELETE FROM reservations WHERE id = ANY ($1::uuid[])', [gone]);
    const change = 'UPDATE reservations SET room_rate = room_rate + 1 WHERE id = $1';
    await own.admin.query(change, [changed]);
    return gone.length;
  }
});

interface Told {
  /** Of the readiness. */
  readonly status: number;
  readonly warning: string;
  /** The metric. */
  readonly suspect: string | undefined;
}

async function toldBy(port: number): Promise<Told> {
  const url = `http://127.0.0.1:${port}`;
  const readiness = await fetch(`${url}/health/readiness`);
  const { services } = (await readiness.json()) as {
    readonly services: readonly { readonly warning?: string }[];
  };
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return {
    ...{ status: readiness.status, warning: services[0]?.warning ?? '' },
    suspect: /^rollguard_capture_suspect (.+)$/m.exec(metrics)?.[1],
  };
}

function tableOf(report: RecoverReport, name: string): RecoverReport['tables'][number] | undefined {
  return report.tables.find(({ table }) => table === `public.${name}`);
}
