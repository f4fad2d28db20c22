/** A guard that has done everything that a guard does, on Kafka in this process. */
import { idOf, suite, type FollowingGuard } from '../../support/following-guard.ts';

export const lockCommand = {
  ...{ roomTypeId: idOf('standard'), reservationId: idOf('R3'), reason: 'RESERVATION_CREATE' },
  ...{ stayStart: '2026-06-01', stayEnd: '2026-06-03', idempotencyKey: 'by-kafka' },
};

export async function live(guard: FollowingGuard): Promise<void> {
  // By callers: held, changed, refused, released, expired.
  const first = await guard.held('R1');
  await guard.held('R1', { stayEnd: '2026-05-12', idempotencyKey: `${idOf('R1')}:2` });
  await guard.held('R2', { ttlSeconds: 60, idempotencyKey: 'short' });
  await guard.held('R2', { roomTypeId: suite });
  await guard.lock('R4', { roomTypeId: suite });
  await guard.ask({
    ...{ kind: 'release', tenantId: first.tenantId, lockId: first.lockId, reason: 'TEST' },
    ...{ actor: 'test', correlationId: undefined, metadata: {}, reservationId: undefined },
    version: undefined,
  });
  await guard.driver.advance(61_000);
  // By commands: held, refused.
  await guard.command('inventory.lock.room', lockCommand);
  await guard.command(
    'inventory.lock.room',
    { ...lockCommand, idempotencyKey: '' },
    {
      commandId: idOf('without a name'),
    },
  );
  // By what the platform sold, and what became of it; a room that changes its type.
  await guard.reservation('R4', 'CONFIRMED', { roomNumber: '101' });
  await guard.reservation('R4', 'CHECKED_IN', { roomNumber: '102' });
  await guard.reservation('R5', 'CONFIRMED');
  await guard.lifecycle('R2', 'reservation.create');
  await guard.reservation('R5', 'CANCELLED');
  await guard.lifecycle('R5', 'reservation.cancel');
  guard.captureRoom('201', idOf('standard'), 'false');
  await guard.settle();
}
