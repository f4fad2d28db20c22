import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { Membership } from '../../streams/membership.ts';
import { portOn, testStack } from './test-system.ts';

// The shortest that a broker takes.
const sessionTimeoutMs = 6_000;
const heartbeatIntervalMs = 500;
const busyMs = 10_000;
const timeoutMs = 60_000;

let port: KafkaPort;

beforeEach(async () => {
  port = portOn(await testStack(), 'busy-loop');
}, timeoutMs);

afterEach(() => port.close());

/** Nothing of this thread goes on: no timer, no socket. */
function beBusy(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a member whose event loop is busy for longer than its session', () => {
  test.each([
    ['keeps its place when a thread heartbeats for it', 60_000, 'stable'],
    ['loses it when none does', undefined, 'lost'],
    ['loses it when the thread has let it go', 2_000, 'lost'],
  ])(
    '%s',
    async (_what, maxPollIntervalMs, status) => {
      const member = port.openMember({
        groupId: `busy-loop-${process.pid}-${Date.now()}`,
        topics: ['busy-loop'],
        userData: () => Buffer.alloc(0),
        sessionTimeoutMs,
        rebalanceTimeoutMs: 10_000,
        assignor: () => new Map(),
        ...(maxPollIntervalMs && { keepAlive: { heartbeatIntervalMs, maxPollIntervalMs } }),
      });
      const logger = silentLogger;
      const membership = new Membership({
        member,
        ...{ heartbeatIntervalMs, sessionTimeoutMs, logger },
        clock: systemClock,
        fatal: (error) => {
          throw error;
        },
      });
      const { assignment } = await membership.join();
      beBusy(busyMs);

      expect(await membership.refresh()).toBe(status);
      expect((await membership.join()).isNext).toBe(status === 'stable');
      const { memberId } = membership.assignment;
      expect(memberId === assignment.memberId).toBe(status === 'stable');
      await membership.leave();
    },
    timeoutMs,
  );
});
