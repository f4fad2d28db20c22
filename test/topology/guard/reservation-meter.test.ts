/** What the platform did with the guard's conflicts, and how far apart both end a stay. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ReservationMeter } from '../../../topology/guard/reservations/reservation-meter.ts';
import { Figures } from '../../support/figures.ts';
import { FollowingGuard, idOf, suite, tenantId } from '../../support/following-guard.ts';

const conflictsName = 'availability_guard_shadow_lock_conflicts_total';
const driftName = 'availability_guard_drift_seconds';
const minuteMs = 60_000;
let guard: FollowingGuard | undefined;

afterEach(async () => {
  await guard?.driver.close();
  guard = undefined;
});

/** R1 has the only suite, so that R2 has a conflict. */
async function withConflict(figures: Figures): Promise<FollowingGuard> {
  const started = await FollowingGuard.start({}, undefined, figures);
  guard = started;
  await started.captureHotel();
  await started.held('R1', { roomTypeId: suite });
  await started.lock('R2', { roomTypeId: suite });
  await started.settle();
  return started;
}

describe('a conflict in shadow mode', () => {
  test('was allowed by the platform when the reservation comes to live', async () => {
    const figures = new Figures();
    const started = await withConflict(figures);
    await started.reservation('R2', 'CONFIRMED', { roomTypeId: suite });
    await started.reservation('R2', 'CHECKED_IN', { roomTypeId: suite });

    expect(figures.of(conflictsName)).toEqual({ [`${tenantId} allowed`]: 1 });
  });

  test('counts as often as it was', async () => {
    const figures = new Figures();
    const started = await withConflict(figures);
    await started.lock('R2', { roomTypeId: suite, stayEnd: '2026-05-12' });
    await started.settle();
    await started.reservation('R2', 'CONFIRMED', { roomTypeId: suite });

    expect(figures.of(conflictsName)).toEqual({ [`${tenantId} allowed`]: 2 });
  });

  test('is not forgotten with the process that had it', async () => {
    const figures = new Figures();
    const started = await withConflict(figures);
    await started.driver.close();
    guard = await FollowingGuard.start({}, started, figures);
    await guard.reservation('R2', 'CONFIRMED', { roomTypeId: suite });

    expect(figures.of(conflictsName)).toEqual({ [`${tenantId} allowed`]: 1 });
  });

  test('was refused when its command came to nothing', async () => {
    const figures = new Figures();
    const started = await withConflict(figures);
    await started.lifecycle('R2', 'reservation.create', { state: 'DLQ' });

    expect(figures.of(conflictsName)).toEqual({ [`${tenantId} refused`]: 1 });
  });

  test('is unknown when nothing is heard of it, or it names no reservation', async () => {
    const figures = new Figures();
    const started = await withConflict(figures);
    await started.lock('R3', {
      ...{ roomTypeId: suite, reservationId: undefined, idempotencyKey: 'nobody' },
    });
    await started.settle();
    const before = figures.of(conflictsName);
    await started.driver.advance(17 * minuteMs);

    expect(before).toEqual({ [`${tenantId} unknown`]: 1 });
    expect(figures.of(conflictsName)).toEqual({ [`${tenantId} unknown`]: 2 });
  }, 20_000);

  test('G18: of the hundred-and-first tenant shares a label with all after it', () => {
    const figures = new Figures();
    const meter = new ReservationMeter(figures);
    for (let at = 0; at < 150; at += 1) meter.conflict(`tenant-${at}`, 'unknown');
    meter.conflict('tenant-7', 'unknown');
    const counted = figures.of(conflictsName);

    expect(Object.keys(counted)).toHaveLength(101);
    expect(counted['tenant-7 unknown']).toBe(2);
    expect(counted['other unknown']).toBe(50);
  });
});

describe('the drift', () => {
  test('is the time from the ending command to the end of the hold, worst of the last hour', () => {
    const figures = new Figures();
    const meter = new ReservationMeter(figures);
    const drift = (): number | undefined => figures.of(driftName)[''];
    meter.drift(90_000, 0);
    meter.drift(-5_000, minuteMs);
    const worst = drift();
    meter.tick(61 * minuteMs - 1);
    const later = drift();
    meter.tick(62 * minuteMs);

    expect([worst, later, drift()]).toEqual([90, 5, 0]);
  });

  test('is none of what a caller released long before', async () => {
    const figures = new Figures();
    guard = await FollowingGuard.start({}, undefined, figures);
    await guard.captureHotel();
    const { lockId } = await guard.held('R1');
    await guard.ask({
      ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
      ...{ reason: 'DESK', actor: 'test', correlationId: undefined, metadata: {} },
    });
    await guard.driver.advance(5 * minuteMs);
    await guard.lifecycle('R1', 'reservation.cancel');

    expect(figures.of(driftName)['']).toBe(0);
  });

  test('is small when a guest leaves late: the hold ends with the check-out, not with the stay', async () => {
    const figures = new Figures();
    guard = await FollowingGuard.start({}, undefined, figures);
    await guard.captureHotel();
    const stay = { arrival: '2025-12-20', departure: '2025-12-28' };
    await guard.reservation('R1', 'CHECKED_IN', stay);
    await guard.lifecycle('R1', 'reservation.check_out');
    await guard.reservation('R1', 'CHECKED_OUT', stay);

    expect(await guard.standing()).toEqual([]);
    expect(figures.of(driftName)['']).toBeLessThan(3);
    expect(guard.events().at(-1)?.reservationId).toBe(idOf('R1'));
  });
});
