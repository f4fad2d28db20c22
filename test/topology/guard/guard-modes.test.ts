/** What the guard writes, in shadow mode and in enforce mode. */
import { describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../../kernel/metrics.ts';
import type { Topology } from '../../../streams/index.ts';
import { guardApplicationId, inventoryEventsTopic } from '../../../topology/guard/guard-names.ts';
import { defaultGuardOptions } from '../../../topology/guard/guard-options.ts';
import { guardTopology } from '../../../topology/guard/guard-topology.ts';

function topologyOf(isShadow: boolean): Topology {
  const neverRun = (): never => {
    throw new Error('nothing is run');
  };
  return guardTopology({
    ...{ topicPrefix: 'platform', partitionCount: 4, sourcePartitionCount: 4 },
    eventsTopic: inventoryEventsTopic({ SHADOW_MODE: isShadow }),
    ...{ decode: neverRun, encodeEvent: neverRun },
    commands: {
      ...{ topic: 'commands.primary', serviceId: 'availability-guard-service' },
      ...{ deadLetterTopic: 'inventory.events.dlq', decodeAvro: neverRun },
    },
    followsReservations: true,
    ...{ options: defaultGuardOptions, metrics: noMetrics },
  });
}

/** Topics of others that are written, and of its own by the name after the application id. */
function written(topology: Topology): readonly string[] {
  const topics = topology.subTopologies.flatMap(({ sinks }) => sinks.map(({ topic }) => topic));
  const names = topics.map((topic) => (typeof topic === 'string' ? topic : `-${topic.internal}`));
  return [...new Set(names)].filter((name) => !name.startsWith('-')).sort();
}

describe('the guard writes', () => {
  const always = ['availability-guard.notifications', 'inventory.events.dlq'];

  test.each([
    [true, 'inventory.events.shadow'],
    [false, 'inventory.events'],
  ])('nothing of others but its own events and letters (shadow mode: %s)', (isShadow, events) => {
    expect(written(topologyOf(isShadow))).toEqual([...always, events].sort());
  });

  test('as one application or the other, which share no topic, group or transactional id', () => {
    const shadow = guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: '-shadow' });
    const plain = guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: '' });

    expect([plain, shadow]).toEqual(['availability-guard', 'availability-guard-shadow']);
  });
});
