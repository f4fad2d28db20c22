/** Several instances: who follows whom, what moves, and what goes on meanwhile. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { silentLogger, type Logger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import {
  KafkaStreams,
  type ReadOnlyKeyValueStore,
  type StreamsOptions,
} from '../../streams/index.ts';
import { InProcessKafka, type RequestKind } from '../../testing/in-process-kafka.ts';
import type { Send } from '../../testing/in-process/in-process-client.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';
import { errorCodeOf } from '../support/error-code.ts';

jest.setTimeout(60_000);

const partitions = 4;
const subTopology = 'tally';
const targets = Array.from({ length: partitions }, (_, partition) => ({ subTopology, partition }));

class Group {
  readonly clock = new ManualClock();
  readonly kafka = new InProcessKafka(this.clock);
  readonly instances: KafkaStreams[] = [];
  /** How often a transactional id was taken. */
  taken = 0;
  /** Changelog records that tasks replayed when they were taken. */
  replayed = 0;
  /** Why standbys were thrown away. */
  readonly begunAnew: string[] = [];
  beforeRequest: (kind: RequestKind, name: string) => Promise<void> = () => Promise.resolve();

  constructor() {
    this.kafka.createTopic({ name: 'lines', partitionCount: partitions, configs: {} });
  }

  async start(name: string, options: Partial<StreamsOptions> = {}): Promise<KafkaStreams> {
    const straight: Send = (_kind, request) => Promise.resolve().then(request);
    const port = this.kafka.client(name, async (kind, request) => {
      await this.beforeRequest(kind, name);
      return straight(kind, request);
    });
    const openProducer = port.openProducer.bind(port);
    port.openProducer = (producer) => {
      this.taken += 1;
      return openProducer(producer);
    };
    const streams = new KafkaStreams({
      topology: callTally(),
      port,
      options: {
        ...{ applicationId: 'test', applicationServer: `${name}:1`, numStandbyReplicas: 1 },
        ...options,
      },
      ...{ stateDir: '', stateKind: 'memory' as const, clock: this.clock },
      ...{ logger: this.#logger(), metrics: noMetrics },
    });
    streams.start();
    this.instances.push(streams);
    await this.clock.advance(8_000);
    return streams;
  }

  #logger(): Logger {
    return {
      ...silentLogger,
      info: (message, fields) => {
        if (message === 'state restored') this.replayed += Number(fields?.['records']);
      },
      warn: (message, fields) => {
        if (message === 'a standby begins anew') this.begunAnew.push(String(fields?.['reason']));
      },
    };
  }

  async close(streams: KafkaStreams): Promise<void> {
    const closed = streams.close();
    await this.clock.advance(5_000);
    await closed;
    this.instances.splice(this.instances.indexOf(streams), 1);
  }

  /** Adds one to each partition, wherever its task runs. */
  async callAll(times = 1): Promise<readonly unknown[]> {
    let counts: unknown[] = [];
    for (let time = 0; time < times; time += 1) {
      const answers = targets.map(async (target) => {
        const owner = this.instances.find((each) => each.ownerOf(target).isHere);
        return owner?.call(target, 'count', { deadlineMs: this.clock.nowMs() + 60_000 });
      });
      await this.clock.advance(1_000);
      counts = await Promise.all(answers);
    }
    return counts;
  }

  runs(streams: KafkaStreams): readonly number[] {
    return targets.filter((at) => streams.ownerOf(at).isHere).map(({ partition }) => partition);
  }
}

const groups: Group[] = [];

function group(): Group {
  const made = new Group();
  groups.push(made);
  return made;
}

afterEach(async () => {
  for (const { clock, instances } of groups.splice(0)) {
    const closed = Promise.all(instances.map((each) => each.close()));
    await clock.advance(20_000);
    await closed;
  }
});

const asked = <T>(ask: () => T): Promise<T> => Promise.resolve().then(ask);

function countAt(streams: KafkaStreams, partition: number, read = {}) {
  const query = { subTopology, partition, store: 'counts', ...read };
  return streams.query<ReadOnlyKeyValueStore<string, string>>(query);
}

describe('two instances', () => {
  test('share the tasks, and each follows what the other one runs', async () => {
    const world = group();
    const first = await world.start('first');
    const second = await world.start('second');
    await world.callAll(3);

    expect([world.runs(first).length, world.runs(second).length]).toEqual([2, 2]);
    for (const [at, other] of [
      [first, second],
      [second, first],
    ] as const) {
      for (const partition of world.runs(other)) {
        const view = countAt(at, partition, { allowsStandby: true });

        expect(view.standbyLag).toBe(0);
        expect(await view.store.get('all')).toBe('3');
        expect(await errorCodeOf(asked(() => countAt(at, partition)))).toBe('NOT_READY');
        expect(at.ownerOf({ subTopology, partition })).toEqual({
          ...{ isHere: false, hasStandbyHere: true, standbyAddresses: [] },
          address: at === first ? 'second:1' : 'first:1',
        });
      }
      for (const partition of world.runs(at)) {
        expect(countAt(at, partition).standbyLag).toBeUndefined();
        expect(at.ownerOf({ subTopology, partition }).standbyAddresses).toEqual([
          at === first ? 'second:1' : 'first:1',
        ]);
      }
    }
  });

  test('of which one goes: the other has every state already, and goes on where it was', async () => {
    const world = group();
    const first = await world.start('first');
    const second = await world.start('second');
    await world.callAll(5);
    const before = world.replayed;
    await world.close(second);
    const counts = await world.callAll();

    expect(world.runs(first)).toEqual([0, 1, 2, 3]);
    expect(counts).toEqual([6, 6, 6, 6]);
    expect(world.replayed - before).toBe(0);
  });

  test('what stays is neither taken anew nor refused while the group gathers', async () => {
    const world = group();
    const first = await world.start('first');
    await world.callAll();
    const before = world.taken;
    const starting = world.start('second', { rebalanceTimeoutMs: 20_000 });
    const answers: Promise<unknown>[] = [];
    for (let at = 0; at < 40; at += 1) {
      const stays = targets.filter((target) => first.ownerOf(target).isHere);
      answers.push(
        ...stays
          .slice(0, 2)
          .map((target) =>
            first.call(target, 'count', { deadlineMs: world.clock.nowMs() + 5_000 }),
          ),
      );
      await world.clock.advance(200);
    }
    await starting;

    expect(
      (await Promise.allSettled(answers)).filter(({ status }) => status === 'rejected'),
    ).toEqual([]);
    // Two tasks moved; nobody initialised the others.
    expect(world.taken - before).toBe(2);
  });

  test('a commit that meets the new generation names that, and nothing is done twice', async () => {
    const world = group();
    const first = await world.start('first');
    const before = world.taken;
    let held = 0;
    world.beforeRequest = async (kind) => {
      // The transaction's offsets arrive when the group has gone on.
      if (kind !== 'TxnOffsetCommit' || held > 0) return;
      held += 1;
      await world.clock.sleep(6_000);
    };
    world.kafka.append('lines', { key: null, value: null, timestampMs: 0 }, 0);
    const target = targets[0]!;
    const answer = first.call(target, 'count', { deadlineMs: world.clock.nowMs() + 60_000 });
    await world.start('second');
    await world.clock.advance(10_000);

    expect(held).toBe(1);
    expect(await answer).toBe(1);
    expect(world.taken - before).toBe(2);
  });
});

describe('a standby', () => {
  test('that heard nothing for so long that it may lack tombstones begins anew, and has everything again', async () => {
    const world = group();
    const options = { changelogTombstoneRetentionMs: 60_000 };
    const first = await world.start('first', options);
    const second = await world.start('second', options);
    await world.callAll(3);
    let isHeldUp = true;
    world.beforeRequest = async (kind, name) => {
      if (kind === 'Fetch' && name === 'second' && isHeldUp) await world.clock.sleep(45_000);
    };
    await world.clock.advance(50_000);
    isHeldUp = false;
    await world.clock.advance(60_000);
    const [followed] = world.runs(first);
    const view = countAt(second, followed!, { allowsStandby: true });

    expect(new Set(world.begunAnew)).toEqual(new Set(['too-old']));
    expect(view.standbyLag).toBe(0);
    expect(await view.store.get('all')).toBe('3');
  });
});

describe('a stateful task', () => {
  test('moves to a new instance only when that one has caught up, and stops for that moment only', async () => {
    const world = group();
    const options = { numStandbyReplicas: 0, acceptableRecoveryLag: 3, maxWarmupReplicas: 1 };
    const first = await world.start('first', options);
    await world.callAll(8);
    const starting = world.start('second', options);
    const seen: number[] = [];
    for (let at = 0; at < 60; at += 1) {
      await world.clock.advance(500);
      seen.push(world.runs(first).length);
    }
    const second = await starting;
    const counts = await world.callAll();

    expect(world.runs(second)).toHaveLength(2);
    // One after the other: no more than one warms up at a time.
    expect(new Set(seen)).toEqual(new Set([4, 3, 2]));
    expect(counts).toEqual([9, 9, 9, 9]);
  });
});

describe('a static member', () => {
  const instance = (groupInstanceId: string) => ({ groupInstanceId, sessionTimeoutMs: 20_000 });

  test('that comes back in time moves nothing, and nobody else notices', async () => {
    const world = group();
    const first = await world.start('first', instance('one'));
    const second = await world.start('second', instance('two'));
    await world.callAll();
    const [before, generation] = [world.runs(second), world.kafka.group('test').generationId];
    const taken = world.taken;
    await world.close(second);
    const meanwhile = world.runs(first);
    const again = await world.start('second', instance('two'));
    const counts = await world.callAll();

    expect(meanwhile).toHaveLength(2);
    expect(world.runs(again)).toEqual(before);
    expect(world.kafka.group('test').generationId).toBe(generation);
    expect(world.taken - taken).toBe(2);
    expect(counts).toEqual([2, 2, 2, 2]);
  });

  test('whose id another process has too: one of them gives up and says why, the other runs everything', async () => {
    const world = group();
    const both = [
      await world.start('first', instance('one')),
      await world.start('second', instance('one')),
    ];
    await world.clock.advance(120_000);
    const [gone, left] = both.toSorted((one) => (one.status === 'error' ? -1 : 1));

    expect(gone?.status).toBe('error');
    expect(await errorCodeOf(gone!.done())).toBe('INSTANCE_FENCED');
    expect(world.runs(left!)).toEqual([0, 1, 2, 3]);
    world.instances.splice(world.instances.indexOf(gone!), 1);
  });

  test('that does not come back loses its tasks when its session ends', async () => {
    const world = group();
    const first = await world.start('first', instance('one'));
    const second = await world.start('second', instance('two'));
    await world.callAll();
    await world.close(second);
    await world.clock.advance(30_000);

    expect(world.runs(first)).toEqual([0, 1, 2, 3]);
    expect(await world.callAll()).toEqual([2, 2, 2, 2]);
  });
});

describe('an instance that is closed', () => {
  test('answers the calls that have come, refuses those that come, and has left after it', async () => {
    const world = group();
    const first = await world.start('first');
    const target = targets[0]!;
    const options = { deadlineMs: world.clock.nowMs() + 60_000 };
    const come = [1, 2, 3].map(() => first.call(target, 'count', options));
    const closed = first.close({ drainMs: 5_000 });
    const late = errorCodeOf(first.call(target, 'count', options));
    await world.clock.advance(10_000);
    await closed;
    world.instances.splice(0);

    expect(await Promise.all(come)).toEqual([1, 2, 3]);
    expect(await late).toBe('NOT_READY');
    expect(world.kafka.group('test').memberIds()).toEqual([]);
  });

  test('does not wait for ever for a call that cannot be answered, and says that it may have been done', async () => {
    const world = group();
    const first = await world.start('first');
    world.beforeRequest = async (kind) => {
      if (kind === 'EndTxn') await world.clock.sleep(600_000);
    };
    const options = { deadlineMs: world.clock.nowMs() + 300_000 };
    const answer = errorCodeOf(first.call(targets[0]!, 'count', options));
    const closed = first.close({ drainMs: 2_000 });
    await world.clock.advance(60_000);
    await closed;
    world.instances.splice(0);

    expect(first.status).toBe('closed');
    await world.clock.advance(600_000);
    expect(['OUTCOME_UNKNOWN', 'resolved']).toContain(await answer);
  });

  test('keeps the place of a static member unless it is told to leave', async () => {
    const world = group();
    const options = { groupInstanceId: 'one', sessionTimeoutMs: 30_000 };
    const kept = await world.start('first', options);
    await world.close(kept);
    const stays = world.kafka.group('test').memberIds().length;
    const again = await world.start('first', options);
    const closed = again.close({ leavesGroup: true });
    await world.clock.advance(3_000);
    await closed;
    world.instances.splice(0);

    expect([stays, world.kafka.group('test').memberIds().length]).toEqual([1, 0]);
  });
});

describe('a read', () => {
  test('that wants a position is refused where the state has not come so far', async () => {
    const world = group();
    const first = await world.start('first');
    const second = await world.start('second');
    await world.callAll(2);
    const [mine, theirs] = [world.runs(first)[0]!, world.runs(second)[0]!];
    const own = countAt(first, mine);
    const followed = countAt(first, theirs, { allowsStandby: true });
    const refused = (partition: number, minPosition: number): Promise<unknown> =>
      errorCodeOf(asked(() => countAt(first, partition, { allowsStandby: true, minPosition })));

    expect(countAt(first, mine, { minPosition: own.position }).position).toBe(own.position);
    expect(await refused(mine, own.position + 2)).toBe('NOT_READY');
    expect(await refused(theirs, followed.position + 1)).toBe('NOT_READY');
    // What a standby showed its owner has too.
    expect(countAt(second, theirs, { minPosition: followed.position }).standbyLag).toBeUndefined();
  });
});
