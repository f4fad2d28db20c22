/** The thread itself, before brokers of this process: to it, a member that sends nothing is a busy one. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../kernel/clock.ts';
import { silentLogger, type Logger } from '../../../kernel/logger.ts';
import { HeartbeatThread } from '../../../streams/kafka/heartbeat-thread.ts';
import type { KeepAliveTimes } from '../../../streams/kafka/keep-alive.ts';
import type { GroupMember } from '../../../streams/kafka/port.ts';
import { errorCodeOf } from '../../support/error-code.ts';
import { FakeKafka } from '../../support/fake-kafka.ts';

const heartbeatIntervalMs = 100;
const keepAlive = { heartbeatIntervalMs, maxPollIntervalMs: 60_000 };
const notCoordinator = 16;
const unknownMember = 25;
const rebalanceInProgress = 27;
const generation = { groupId: 'group', memberId: 'member', generationId: 1 };
const timeoutMs = 30_000;

let kafka: FakeKafka;

beforeEach(async () => {
  kafka = await FakeKafka.start(2);
});

afterEach(() => kafka.close());

function memberOf(port = kafka.port(), times: KeepAliveTimes | null = keepAlive): GroupMember {
  return port.openMember({
    ...{ groupId: 'group', topics: ['fake'], userData: () => Buffer.alloc(0) },
    ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 100, assignor: () => new Map() },
    ...(times && { keepAlive: times }),
  });
}

/** Waits until so many heartbeats have come since now. */
async function heartbeats(count: number): Promise<void> {
  const before = kafka.countOf('heartbeat');
  while (kafka.countOf('heartbeat') < before + count) await systemClock.sleep(5);
}

/** How many heartbeats come in a time that is enough for several. */
async function heartbeatsInAWhile(): Promise<number> {
  const before = kafka.countOf('heartbeat');
  await systemClock.sleep(6 * heartbeatIntervalMs);
  return kafka.countOf('heartbeat') - before;
}

describe('the heartbeat thread', () => {
  test(
    'heartbeats for a member that sends nothing, on a connection of its own',
    async () => {
      await memberOf().join();
      const lookUps = kafka.countOf('findCoordinator');
      await heartbeats(3);

      expect(kafka.countOf('findCoordinator')).toBe(lookUps + 1);
    },
    timeoutMs,
  );

  test(
    'finds the coordinator anew when it has moved',
    async () => {
      await memberOf().join();
      await heartbeats(1);
      kafka.errorOf = ({ api, nodeId }) =>
        api === 'heartbeat' && nodeId === 1 ? notCoordinator : 0;
      kafka.coordinator = 2;
      await heartbeats(3);

      expect(kafka.requests.at(-1)).toMatchObject({ api: 'heartbeat', nodeId: 2 });
    },
    timeoutMs,
  );

  test(
    'goes on while the group gathers: the member joins when it has time',
    async () => {
      kafka.errorOf = ({ api }) => (api === 'heartbeat' ? rebalanceInProgress : 0);
      await memberOf().join();
      await heartbeats(3);

      expect(await heartbeatsInAWhile()).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  test(
    'is silent once the group has forgotten the member, until it joins again',
    async () => {
      kafka.errorOf = ({ api }) => (api === 'heartbeat' ? unknownMember : 0);
      const member = memberOf();
      await member.join();
      await heartbeats(1);
      const whileForgotten = await heartbeatsInAWhile();
      kafka.errorOf = () => 0;
      await member.join();
      await heartbeats(3);

      expect(whileForgotten).toBe(0);
    },
    timeoutMs,
  );

  test(
    'is silent during a join, after one that failed and after the member has left',
    async () => {
      const member = memberOf(kafka.port({ requestTimeoutMs: 1_000 }));
      await member.join();
      await heartbeats(1);
      kafka.deliveryOf = ({ api }) => (api === 'syncGroup' ? 'never' : 'whole');
      const joining = errorCodeOf(member.join());
      const whileJoining = await heartbeatsInAWhile();
      const failed = await joining;
      const afterFailure = await heartbeatsInAWhile();
      kafka.deliveryOf = () => 'whole';
      await member.join();
      await heartbeats(1);
      await member.leave();

      expect(failed).toBe('KAFKA_UNAVAILABLE');
      expect([whileJoining, afterFailure, await heartbeatsInAWhile()]).toEqual([0, 0, 0]);
    },
    timeoutMs,
  );

  test(
    'serves every member of a port, each by its own silence',
    async () => {
      const port = kafka.port();
      const [first, second] = [memberOf(port), memberOf(port)];
      await first.join();
      await second.join();
      await heartbeats(2);
      await first.leave();
      await heartbeats(2);
      await second.leave();

      expect(await heartbeatsInAWhile()).toBe(0);
    },
    timeoutMs,
  );

  test(
    'ends with the port',
    async () => {
      const port = kafka.port();
      await memberOf(port).join();
      await heartbeats(1);
      await port.close();

      expect(await heartbeatsInAWhile()).toBe(0);
    },
    timeoutMs,
  );

  test(
    'is silent while members heartbeat themselves, and for those that do not ask for it',
    async () => {
      const port = kafka.port();
      // Enough patience for a loaded machine.
      const own = memberOf(port, { ...keepAlive, heartbeatIntervalMs: 1_000 });
      await own.join();
      await heartbeats(1);
      await memberOf(port, null).join();
      await own.heartbeat();
      const before = kafka.countOf('heartbeat');
      for (let count = 0; count < 60; count += 1) {
        await systemClock.sleep(50);
        await own.heartbeat();
      }

      expect(kafka.countOf('heartbeat')).toBe(before + 60);
    },
    timeoutMs,
  );
});

describe('a heartbeat thread that cannot start', () => {
  const connection = { clientId: 'c', ssl: undefined, sasl: undefined, connectionTimeoutMs: 1_000 };
  const data = { ...connection, seeds: [], requestTimeoutMs: 1_000 };
  let warnings: string[];
  let logger: Logger;

  beforeEach(() => {
    warnings = [];
    logger = { ...silentLogger, warn: (message) => warnings.push(message) };
  });

  test('says so once when its settings cannot be copied', () => {
    const ssl = { checkServerIdentity: () => undefined };
    const thread = new HeartbeatThread({ data: { ...data, ssl }, logger });
    for (const member of [thread.keepAlive(keepAlive), thread.keepAlive(keepAlive)]) {
      member.joined(generation);
      member.beat();
      member.left();
    }

    expect(warnings).toEqual([expect.stringContaining('no heartbeat thread')]);
  });

  test('says so once when its code cannot be loaded', async () => {
    const entry = new URL('nowhere.mjs', import.meta.url);
    const thread = new HeartbeatThread({ data, logger, entry });
    const member = thread.keepAlive(keepAlive);
    member.joined(generation);
    while (warnings.length === 0) await systemClock.sleep(5);
    member.joined(generation);
    await thread.close();

    expect(warnings).toEqual([expect.stringContaining('no heartbeat thread')]);
  });
});
