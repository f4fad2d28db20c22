/** A disk without space: nothing is taken meanwhile, nothing is lost, and it goes on alone. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { StateFolder } from '../../stores/state-directory.ts';
import type { StateEngine } from '../../stores/state-engine.ts';
import { KafkaStreams, type ReadOnlyKeyValueStore } from '../../streams/index.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';
import { errorCodeOf } from '../support/error-code.ts';

const target = { subTopology: 'tally', partition: 0 };
const checkpointIntervalMs = 5_000;

/** As RocksDB: an engine that found no space takes no more writes until it is opened again. */
class SmallDisk implements StateFolder {
  isFull = false;
  opened = 0;
  readonly #contents = new Map<string, MemoryEngine>();

  tasks(): Promise<readonly string[]> {
    return Promise.resolve([...this.#contents.keys()]);
  }

  openEngine(task: string): Promise<StateEngine> {
    const refused = new RollguardError('DISK_FULL', 'no space left on device');
    if (this.isFull) return Promise.reject(refused);
    this.opened += 1;
    const content = this.#contents.get(task) ?? new MemoryEngine();
    this.#contents.set(task, content);
    let isStuck = false;
    return Promise.resolve({
      position: () => content.position(),
      getMany: (keys) => content.getMany(keys),
      range: (query) => content.range(query),
      write: (changes, position) => {
        isStuck ||= this.isFull;
        return isStuck ? Promise.reject(refused) : content.write(changes, position);
      },
      close: () => Promise.resolve(),
    });
  }

  setAside(): Promise<void> {
    throw new RollguardError('ILLEGAL_STATE', 'what is sound is not set aside');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const clock = new ManualClock();
const running: KafkaStreams[] = [];

async function start(kafka: InProcessKafka, name: string, disk: SmallDisk): Promise<KafkaStreams> {
  const streams = new KafkaStreams({
    topology: callTally(),
    port: kafka.client(name),
    options: {
      ...{ applicationId: 'test', applicationServer: `${name}:1`, numStandbyReplicas: 1 },
      checkpointIntervalMs,
    },
    ...{ stateDir: '', stateKind: { openFolder: () => Promise.resolve(disk) }, clock },
    ...{ logger: silentLogger, metrics: noMetrics },
  });
  running.push(streams);
  streams.start();
  await clock.advance(8_000);
  return streams;
}

function cluster(): InProcessKafka {
  const kafka = new InProcessKafka(clock);
  kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
  return kafka;
}

async function call(streams: KafkaStreams): Promise<unknown> {
  const answer = streams.call(target, 'count', { deadlineMs: clock.nowMs() + 60_000 });
  answer.catch(() => undefined);
  await clock.advance(1_000);
  return answer;
}

afterEach(async () => {
  const closed = Promise.all(running.splice(0).map((streams) => streams.close()));
  await clock.advance(20_000);
  await closed;
});

describe('on a full disk', () => {
  test('calls are refused, and answered again once there is space: nothing was lost', async () => {
    const disk = new SmallDisk();
    const streams = await start(cluster(), 'one', disk);
    const before = await call(streams);
    disk.isFull = true;
    const last = await call(streams);
    await clock.advance(2 * checkpointIntervalMs);
    const refused = await errorCodeOf(call(streams));
    const status = streams.status;
    disk.isFull = false;
    await clock.advance(30_000);

    expect({ before, last, refused, status }).toEqual({
      ...{ before: 1, last: 2, refused: 'NOT_READY', status: 'running' },
    });
    expect(await call(streams)).toBe(3);
  });

  test('a standby falls behind, and has everything again once there is space', async () => {
    const kafka = cluster();
    const [one, two] = [new SmallDisk(), new SmallDisk()];
    const owner = await start(kafka, 'one', one);
    const standby = await start(kafka, 'two', two);
    await call(owner);
    await clock.advance(2 * checkpointIntervalMs);
    const openedBefore = two.opened;
    two.isFull = true;
    await call(owner);
    await clock.advance(3 * checkpointIntervalMs);
    const query = { ...target, store: 'counts', allowsStandby: true };
    const refused = await errorCodeOf(Promise.resolve().then(() => standby.query(query)));
    two.isFull = false;
    await call(owner);
    await clock.advance(3 * checkpointIntervalMs);
    const view = standby.query<ReadOnlyKeyValueStore<string, string>>(query);

    expect({ refused, openedAgain: two.opened - openedBefore }).toEqual({
      ...{ refused: 'NOT_READY', openedAgain: 1 },
    });
    expect(await view.store.get('all')).toBe('3');
    expect(view.standbyLag).toBe(0);
  });
});
