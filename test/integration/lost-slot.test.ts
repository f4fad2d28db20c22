/**
 * A slot that is dropped, on the whole line: told within 30 s, by who looks later too, and closed. Database,
 * connector, slot and topics are this test's own; `npm run drill` does the same with services and load.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RecoverReport } from '../../capture/recover-capture.ts';
import { systemClock } from '../../kernel/clock.ts';
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
    'is told within 30 s, and after a restart; the recovery brings what was missed, deletions among it',
    async () => {
      const watch = own.startWatch();
      await eventually(
        () => own.port.admin.describeTopics([`${own.name}.capture-log`]),
        ({ length }) => length > 0,
      );
      const before = [watch.notReady(), watch.mayMissChanges()];
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

function tableOf(report: RecoverReport, name: string): RecoverReport['tables'][number] | undefined {
  return report.tables.find(({ table }) => table === `public.${name}`);
}
