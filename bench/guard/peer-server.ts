/**
 * Postgres behind the guard's own gRPC front: the same server, fields, checks and answers, a pool of
 * connections where the guard's tasks would be. With method `none` nobody is asked and everyone is
 * granted: what the front itself can carry here. A process of its own, so that its CPU is its own.
 */
import pg from 'pg';
import { startGrpcServer } from '../../api/grpc/grpc-server.ts';
import type { GuardCalls } from '../../api/guard/guard-calls.ts';
import { guardFronts } from '../../api/guard/guard-fronts.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { LockAnswer } from '../../topology/guard/answer.ts';
import type { LockCommand } from '../../topology/guard/command.ts';
import { holdInPostgres, type PeerMethod } from './postgres-locks.ts';
import type { Outcome, Wish } from './side.ts';

const dayMs = 86_400_000;
const nothingByHand = {
  AVAILABILITY_GUARD_ADMIN_TOKENS: [],
  AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED: false,
  AVAILABILITY_GUARD_NOTIFICATIONS_ENABLED: false,
  AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS: [],
};
const firstDayMs = Date.UTC(2031, 0, 1);

async function serve(): Promise<void> {
  const [databaseUrl = '', method = 'exclude', connections = '16', capacity = '50'] =
    process.argv.slice(2);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: Number(connections) });
  const calls = callsOn((wish) =>
    method === 'none'
      ? Promise.resolve('LOCKED')
      : holdInPostgres(pool, method as PeerMethod, { wish, capacity: Number(capacity) }),
  );
  const fronts = guardFronts(
    {
      settings: { SHADOW_MODE: true, REQUIRE_CORRELATION_ID: false, ...nothingByHand },
      ...{ clock: systemClock, logger: silentLogger, metrics: createMetricsRegistry() },
    },
    calls,
  );
  const sources = [{ name: 'guard', notReady: () => undefined }];
  const server = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    guard: { implementation: fronts.service, sources },
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ port: server.port });
}

function callsOn(hold: (wish: Wish) => Promise<Outcome>): GuardCalls {
  const missing = (): Promise<never> =>
    Promise.reject(new RollguardError('UNSUPPORTED', 'the bench asks for locks only'));
  return {
    lock: async (command) => {
      const night = (Date.parse(command.stayStart) - firstDayMs) / dayMs;
      const nights = (Date.parse(command.stayEnd) - firstDayMs) / dayMs - night;
      const { tenantId, roomTypeId, roomId, idempotencyKey: key = '' } = command;
      const wish = { tenantId, roomTypeId, roomId, night, nights, key };
      const outcome = await hold(wish);
      return answerOf(command, outcome === 'LOCKED');
    },
    ...{ release: missing, bulkRelease: missing, getLock: missing },
    ...{ listLocks: missing, availability: missing, lockAudit: missing, searchAudit: missing },
  };
}

/** As large as the guard's. */
function answerOf(command: LockCommand, isLocked: boolean): LockAnswer {
  if (!isLocked) {
    return {
      status: 'CONFLICT',
      conflict: { reason: 'ROOM_HELD', blockingLock: undefined, nights: [command.stayStart] },
    };
  }
  const { tenantId, reservationId, roomTypeId, roomId, propertyId, reason, actor } = command;
  const nowMs = systemClock.nowMs();
  return {
    status: 'LOCKED',
    isRepeat: false,
    lock: {
      lockId: command.idempotencyKey ?? '',
      ...{ tenantId, reservationId, roomTypeId, roomId, propertyId, reason, actor },
      ...{ slot: command.idempotencyKey ?? '', iteration: 0, nights: [command.stayStart] },
      stayStartMs: Date.parse(command.stayStart),
      stayEndMs: Date.parse(command.stayEnd),
      ...{ status: 'TENTATIVE', correlationId: command.correlationId, metadata: {} },
      ...{ grantedAtMs: nowMs, expiresAtMs: nowMs, releasedAtMs: undefined },
      ...{ releaseReason: undefined, version: 1 },
    },
  };
}

await serve();
