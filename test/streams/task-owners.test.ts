/** Every instance knows where each task runs. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { TopologyBuilder, keyValueStore, stringSerde } from '../../streams/index.ts';
import { noOwners, readAnnouncement } from '../../streams/task-owners.ts';
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts';

const drivers: TopologyTestDriver[] = [];

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

function topology(): ReturnType<TopologyBuilder['build']> {
  const builder = new TopologyBuilder();
  builder
    .subTopology('count')
    .source<string, string>('words', {
      topics: ['words'],
      deserialize: ({ key, value, timestampMs }) => ({
        ...{ key: String(key), value: String(value), timestampMs },
      }),
    })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('count', {
      parents: ['words'],
      supplier: () => ({ process: () => undefined }),
      stores: ['counts'],
    });
  return builder.build();
}

async function start(
  applicationServer: string | undefined,
  before?: TopologyTestDriver,
): Promise<TopologyTestDriver> {
  const shared = before === undefined ? {} : { kafka: before.kafka, clock: before.clock };
  const options = applicationServer === undefined ? {} : { applicationServer };
  const driver = await TopologyTestDriver.start({
    ...{ topology: topology(), topics: { words: 4 }, options, ...shared },
  });
  drivers.push(driver);
  return driver;
}

const targets = [0, 1, 2, 3].map((partition) => ({ subTopology: 'count', partition }));

describe('the owner of a task', () => {
  test('is this instance while it is alone', async () => {
    const driver = await start('here:1');

    expect(targets.map((target) => driver.streams.ownerOf(target))).toMatchObject(
      targets.map(() => ({ isHere: true, address: undefined })),
    );
  });

  test('is known by its address to the other instance, and to both after one has left', async () => {
    const first = await start('first:1');
    const second = await start('second:2', first);
    await first.advance(30_000);
    const seen = (driver: TopologyTestDriver): readonly (string | undefined)[] =>
      targets.map((target) => driver.streams.ownerOf(target).address);
    const both = [seen(first), seen(second)];
    await second.close();
    drivers.splice(drivers.indexOf(second), 1);
    await first.advance(30_000);

    expect(both[0]?.filter((address) => address === 'second:2')).toHaveLength(2);
    expect(both[1]?.filter((address) => address === 'first:1')).toHaveLength(2);
    expect(seen(first)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('has no address where its instance names none', async () => {
    const first = await start(undefined);
    const second = await start('second:2', first);
    await first.advance(30_000);
    const elsewhere = targets
      .map((target) => second.streams.ownerOf(target))
      .filter(({ isHere }) => !isHere);

    expect(elsewhere).toMatchObject([1, 2].map(() => ({ isHere: false, address: undefined })));
  });

  test('is nobody to whom a leader speaks in words of another version', () => {
    expect(readAnnouncement(Buffer.from('\u0001\u0002'))).toEqual(noOwners);
    expect(readAnnouncement(Buffer.alloc(0))).toEqual(noOwners);
  });
});
