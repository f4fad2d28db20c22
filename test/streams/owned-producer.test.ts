/** What a task's producer does beside the task that owns it. */
import { expect, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { OutputTopics } from '../../streams/output-topics.ts';
import { OwnedProducer, type OwnedProducerOptions } from '../../streams/owned-producer.ts';
import { openAtLeastOnceProducer, type TaskProducer } from '../../streams/task-producer.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';

test('one that is forgotten while it recovers ends what it began, and is not there afterwards', async () => {
  const asked: string[] = [];
  const plain = await openAtLeastOnceProducer(new InProcessKafka(new ManualClock()).client());
  const producer: TaskProducer = {
    ...plain,
    recover: () => {
      owned.forget();
      return Promise.resolve();
    },
    repeatEnd: ({ partitions, groupId }) => {
      asked.push(groupId, ...partitions.map(({ topic, partition }) => `${topic}-${partition}`));
      return Promise.resolve(undefined);
    },
  };
  const owned = new OwnedProducer(optionsWith(producer));

  await owned.fence();
  expect(owned.current).toBe(producer);
  await owned.fence();

  expect(owned.current).toBeUndefined();
  const everywhere = ['test', 'test-dlq-0', 'test-dlq-1', 'test-tally-changelog-3'];
  expect(asked).toEqual([...everywhere, ...everywhere]);
});

function optionsWith(producer: TaskProducer): OwnedProducerOptions {
  const [subTopology] = callTally().subTopologies;
  const dlq = { partitionCount: 2, messageBytesMax: 1_000 };
  const environment = {
    config: { applicationId: 'test' },
    topics: new OutputTopics(new Map([['test-dlq', dlq]])),
    openProducer: () => Promise.resolve(producer),
    logger: silentLogger,
  } as unknown as OwnedProducerOptions['environment'];
  return {
    id: { subTopology: 'tally', partition: 3 },
    subTopology: subTopology!,
    changelog: { topic: 'test-tally-changelog', topicId: '', partition: 3 },
    environment,
  };
}
