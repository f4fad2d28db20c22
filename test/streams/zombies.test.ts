/** What an instance does that its group has forgotten, or that it cannot ask; found by the simulator. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { KafkaStreams, type KafkaPort } from '../../streams/index.ts';
import type { TransactionalProducer } from '../../streams/kafka/port.ts';
import {
  InProcessKafka,
  type FaultPlan,
  type RequestKind,
} from '../../testing/in-process-kafka.ts';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';
import { errorCodeOf } from '../support/error-code.ts';

// Many turns of the event loop, on a machine that may be busy.
jest.setTimeout(60_000);

const target = { subTopology: 'tally', partition: 0 };
const transactionalId = 'test-tally_0';
const started: { readonly clock: ManualClock; readonly streams: KafkaStreams }[] = [];

async function start(
  wrap: (port: KafkaPort, clock: ManualClock) => KafkaPort = (port) => port,
  transactionRecordsMax = 5_000,
) {
  const clock = new ManualClock();
  const kafka = new InProcessKafka(clock);
  kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
  const port = wrap(kafka.client('instance'), clock);
  const instance = startInstance(port, clock, transactionRecordsMax);
  await clock.advance(3_000);
  return { clock, kafka, ...instance };
}

function startInstance(port: KafkaPort, clock: ManualClock, transactionRecordsMax = 5_000) {
  const streams = new KafkaStreams({
    topology: callTally(),
    port,
    options: { applicationId: 'test', transactionTimeoutMs: 120_000, transactionRecordsMax },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  streams.start();
  started.push({ clock, streams });
  const call = (): Promise<unknown> =>
    streams.call(target, 'count', { deadlineMs: clock.nowMs() + 600_000 });
  return { streams, call };
}

/** The broker's answer to the first commit takes so long, and may be lost then. */
const slowFirstCommit =
  (ms: number, isLost = false) =>
  (port: KafkaPort, clock: ManualClock): KafkaPort => {
    let isFirst = true;
    return withProducer(port, (producer) => {
      const commit = producer.commit.bind(producer);
      producer.commit = async () => {
        await commit();
        if (isFirst) {
          isFirst = false;
          await clock.sleep(ms);
          if (isLost) throw new RollguardError('OUTCOME_UNKNOWN', 'EndTxn got no answer');
        }
      };
    });
  };

/** The group's first answer reaches the instance so much later. */
const heldFirstJoin =
  (ms: number) =>
  (port: KafkaPort, clock: ManualClock): KafkaPort => {
    let isFirst = true;
    const openMember = port.openMember.bind(port);
    port.openMember = (options) => {
      const member = openMember(options);
      const join = member.join.bind(member);
      member.join = async () => {
        const assignment = await join();
        if (isFirst) await clock.sleep(ms);
        isFirst = false;
        return assignment;
      };
      return member;
    };
    return port;
  };

/** The instance's first request to fence reaches the broker so much later. */
const heldFirstFencing =
  (ms: number) =>
  (port: KafkaPort, clock: ManualClock): KafkaPort => {
    let isFirst = true;
    const openProducer = port.openProducer.bind(port);
    port.openProducer = async (options) => {
      const isHeld = isFirst;
      isFirst = false;
      if (isHeld) await clock.sleep(ms);
      return openProducer(options);
    };
    return port;
  };

/** The first commit fails when it is told to; the poll that waits meanwhile ends so many turns later. */
function failingFirstCommit(turns: number) {
  let fail = (): void => undefined;
  const failed = new Promise<void>((resolve) => (fail = resolve));
  let isFirst = true;
  let isCommitting = false;
  const wrap = (port: KafkaPort): KafkaPort => ({
    ...withProducer(port, (producer) => {
      const commit = producer.commit.bind(producer);
      producer.commit = async () => {
        if (!isFirst) return commit();
        isFirst = false;
        isCommitting = true;
        await failed;
        isCommitting = false;
        throw new RollguardError('TRANSACTION_ABORTED', 'the coordinator aborted it');
      };
    }),
    openReader: () => {
      const reader = port.openReader();
      const poll = reader.poll.bind(reader);
      reader.poll = async (maxWaitMs) => {
        if (!isCommitting) return poll(maxWaitMs);
        await failed;
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        return [];
      };
      return reader;
    },
  });
  return { wrap, fail: () => fail() };
}

/** The transaction after the first commit takes so long to be opened. */
const slowFirstPriming =
  (ms: number) =>
  (port: KafkaPort, clock: ManualClock): KafkaPort => {
    let committed = 0;
    let isSlow = false;
    return withProducer(port, (producer) => {
      const commit = producer.commit.bind(producer);
      const addPartitions = producer.addPartitions.bind(producer);
      producer.commit = async () => {
        await commit();
        committed += 1;
        isSlow = committed === 1;
      };
      producer.addPartitions = async (partitions) => {
        const delayMs = isSlow ? ms : 0;
        isSlow = false;
        await clock.sleep(delayMs);
        await addPartitions(partitions);
      };
    });
  };

function withProducer(
  port: KafkaPort,
  change: (producer: TransactionalProducer) => void,
): KafkaPort {
  return {
    admin: port.admin,
    openReader: () => port.openReader(),
    openPlainProducer: () => port.openPlainProducer(),
    openMember: (options) => port.openMember(options),
    close: () => port.close(),
    openProducer: async (options) => {
      const producer = await port.openProducer(options);
      change(producer);
      return producer;
    },
  };
}

afterEach(async () => {
  for (const { clock, streams } of started.splice(0)) {
    const closed = streams.close();
    await clock.advance(60_000);
    await closed;
  }
});

describe('an instance that its group forgets', () => {
  test('while a commit is under way tells its callers what the commit came to, not that nothing was changed', async () => {
    const { clock, kafka, call } = await start(slowFirstCommit(20_000));
    const answer = call().catch((error: unknown) => error);
    await clock.advance(10);
    kafka.faults = loses('Heartbeat');
    await clock.advance(12_000);
    kafka.faults = () => 'ok';
    await clock.advance(30_000);
    const next = call();
    await clock.advance(1_000);

    expect(await answer).toBe(1);
    expect(await next).toBe(2);
  });

  test('while its next transaction is still being opened commits nothing of it: seed 55', async () => {
    const { clock, kafka, streams, call } = await start(slowFirstPriming(20_000), 1);
    const first = call();
    await clock.advance(1_000);
    const second = call().catch((error: unknown) => error);
    await clock.advance(10);
    kafka.faults = loses('Heartbeat');
    await clock.advance(12_000);
    kafka.faults = () => 'ok';
    await clock.advance(60_000);
    const third = call();
    await clock.advance(1_000);

    expect(streams.status).toBe('running');
    expect(await first).toBe(1);
    expect(await second).toMatchObject({ code: 'NOT_READY' });
    expect(await third).toBe(2);
  });

  test('while it backs off takes no transactional id before it has joined again', async () => {
    const { clock, kafka, call } = await start();
    kafka.faults = loses('EndTxn', 'InitProducerId', 'Heartbeat');
    const answer = call().catch((error: unknown) => error);
    await clock.advance(12_000);
    const taken: RequestKind[] = [];
    let isForgotten = false;
    kafka.faults = ({ kind }) => {
      if (kind === 'Heartbeat') isForgotten = true;
      if (kind === 'InitProducerId' && isForgotten) taken.push(kind);
      const isLost = isForgotten ? kind === 'JoinGroup' : kind === 'InitProducerId';
      return isLost ? 'lose-request' : 'ok';
    };
    kafka.group('test').expire();
    await clock.advance(20_000);
    const whileForgotten = [...taken];
    kafka.faults = () => 'ok';
    await clock.advance(20_000);
    const next = call();
    await clock.advance(1_000);
    await answer;

    expect(isForgotten).toBe(true);
    expect(whileForgotten).toEqual([]);
    expect(await next).toBe(1);
  });
});

describe('an instance that its group has taken back while a commit hung', () => {
  test('takes no transactional id without asking whether it is still a member: seed 1026288', async () => {
    const { clock, kafka, call } = await start(slowFirstCommit(20_000, true));
    const answer = errorCodeOf(call());
    await clock.advance(10);
    kafka.faults = loses('Heartbeat');
    await clock.advance(11_000);
    // It hears that it was forgotten, and joins again.
    kafka.faults = () => 'ok';
    await clock.advance(5_000);
    const members = kafka.group('test').memberIds();
    const taken: RequestKind[] = [];
    kafka.faults = ({ kind }) => {
      if (kind === 'InitProducerId') taken.push(kind);
      return kind === 'Heartbeat' ? 'lose-request' : 'ok';
    };
    await clock.advance(8_000);
    const whileUnasked = [...taken];
    kafka.faults = () => 'ok';
    await clock.advance(15_000);
    const next = call();
    await clock.advance(1_000);

    expect(members).toHaveLength(1);
    expect(await answer).toBe('OUTCOME_UNKNOWN');
    expect(whileUnasked).toEqual([]);
    expect(await next).toBe(2);
  });
});

describe('an instance that missed a generation of its group', () => {
  test('serves nothing of what it remembers from before: seed 209812', async () => {
    const { clock, kafka, streams, call } = await start();
    const first = call();
    await clock.advance(1_000);
    // It hears that the group moves, and not that the group moved on without it.
    kafka.faults = ({ kind, client }) =>
      client === 'instance' && kind === 'JoinGroup' ? 'lose-request' : 'ok';
    const other = startInstance(kafka.client('other'), clock);
    await clock.advance(25_000);
    const second = other.call();
    await clock.advance(1_000);
    const closed = other.streams.close();
    await clock.advance(1_000);
    await closed;
    kafka.faults = () => 'ok';
    await clock.advance(6_000);
    const { store } = streams.query<ReadOnlyKeyValueStore<string, string>>({
      ...target,
      store: 'counts',
    });

    expect([await first, await second]).toEqual([1, 2]);
    expect(streams.notReady()).toBeUndefined();
    expect(await store.get('all')).toBe('2');
  });
});

describe.each([
  ['its join to the fencing: seed 3025812', heldFirstJoin],
  ['its fencing to the broker', heldFirstFencing],
])('an instance that was held up on the way from %s', (_, held) => {
  test('commits nothing for a task that has another owner by now', async () => {
    const { clock, kafka, call } = await start(held(30_000));
    kafka.faults = isolated;
    const other = startInstance(kafka.client('other'), clock);
    await clock.advance(25_000);
    const first = other.call();
    await clock.advance(1_000);
    const epoch = kafka.transactions.epochOf(transactionalId) ?? 0;
    const untilFenced = (): boolean => kafka.transactions.epochOf(transactionalId) !== epoch;
    for (let ms = 0; ms < 20_000 && !untilFenced(); ms += 10) await clock.advance(10);
    const isFenced = untilFenced();
    await clock.advance(100);
    const stale = errorCodeOf(call());
    await clock.advance(100);
    const { store } = other.streams.query<ReadOnlyKeyValueStore<string, string>>({
      ...target,
      store: 'counts',
    });
    const meanwhile = await store.get('all');
    kafka.faults = () => 'ok';
    const hearsOfIt = errorCodeOf(other.call());
    await clock.advance(30_000);
    const next = Promise.any([call(), other.call()]);
    await clock.advance(1_000);

    expect(await hearsOfIt).toBe('NOT_READY');
    expect(isFenced).toBe(true);
    expect(await first).toBe(1);
    expect(await stale).toBe('NOT_READY');
    expect(meanwhile).toBe('1');
    expect(await next).toBe(2);
  });
});

describe('an instance whose commit fails', () => {
  test('answers no call that it decided on what was dropped, whenever it hears of the failure: seed 3338', async () => {
    for (let turns = 0; turns < 40; turns += 1) {
      const failing = failingFirstCommit(turns);
      const { clock, call } = await start(failing.wrap);
      const first = errorCodeOf(call());
      await clock.advance(10);
      const waiting = [call(), call()].map((each) => each.catch(() => undefined));
      // The poll that began before the commit is over by then.
      await clock.advance(200);
      failing.fail();
      await clock.advance(30_000);
      const answered = (await Promise.all(waiting)).filter((each) => each !== undefined);
      const next = call();
      await clock.advance(1_000);

      expect(await first).toBe('NOT_READY');
      expect({ turns, next: await next }).toEqual({ turns, next: answered.length + 1 });
    }
  });
});

describe('an instance that closes', () => {
  test('while a commit is under way whose answer is lost says that the outcome is unknown: seed 1290', async () => {
    const { clock, kafka, streams, call } = await start(slowFirstCommit(20_000, true));
    const code = errorCodeOf(call());
    await clock.advance(10);
    // Its group forgets it meanwhile: closing commits nothing more.
    kafka.faults = loses('Heartbeat');
    await clock.advance(12_000);
    kafka.faults = loses('JoinGroup');
    await clock.advance(4_000);
    const closed = streams.close();
    await clock.advance(20_000);
    await closed;

    expect(await code).toBe('OUTCOME_UNKNOWN');
  });
});

describe('an instance whose task was fenced', () => {
  test('takes it again only when the group has answered that it is still its own', async () => {
    const { clock, kafka, call } = await start();
    const successor = kafka.client('successor');
    await successor.openProducer({ transactionalId, transactionTimeoutMs: 60_000 });
    const epoch = kafka.transactions.epochOf(transactionalId);
    kafka.faults = loses('Heartbeat');
    const answer = call().catch((error: unknown) => error);
    await clock.advance(5_000);
    const whileUnasked = kafka.transactions.epochOf(transactionalId);
    kafka.faults = () => 'ok';
    await clock.advance(10_000);
    const next = call();
    await clock.advance(1_000);
    await answer;

    expect(whileUnasked).toBe(epoch);
    expect(kafka.transactions.epochOf(transactionalId)).toBeGreaterThan(epoch ?? 0);
    expect(await next).toBe(1);
  });
});

/** A paused instance sends no heartbeat, and hears of nothing while the rest of it wakes up. */
const isolated: FaultPlan = ({ client, kind }) =>
  client === 'instance' && (kind === 'Heartbeat' || kind === 'JoinGroup') ? 'lose-request' : 'ok';

function loses(...lost: readonly RequestKind[]): FaultPlan {
  return ({ kind }) => (lost.includes(kind) ? 'lose-request' : 'ok');
}
