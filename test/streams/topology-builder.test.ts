import { describe, expect, test } from '@jest/globals';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import { TopologyBuilder } from '../../streams/topology-builder.ts';

const deserialize = (): undefined => undefined;
const serialize = (): { key: null; value: null } => ({ key: null, value: null });
const supplier = (): { process: () => void } => ({ process: () => undefined });
const counts = keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde });

describe('topology builder', () => {
  test('builds what was declared', () => {
    const builder = new TopologyBuilder();
    const words = builder.internalTopic('words', { partitionCount: 3 });
    builder
      .subTopology('count')
      .source('in', { topics: ['lines', words], deserialize })
      .store(counts)
      .processor('counter', { parents: ['in'], supplier, stores: ['counts'] })
      .sink('out', { parents: ['counter'], topic: 'totals', serialize });

    const topology = builder.build();

    expect(topology.internalTopics.get('words')).toEqual({ partitionCount: 3 });
    expect(
      topology.subTopologies.map(({ name, sources, processors, sinks, stores }) => [
        name,
        ...[sources, processors, sinks, stores].map((nodes) => nodes.map((node) => node.name)),
      ]),
    ).toEqual([['count', ['in'], ['counter'], ['out'], ['counts']]]);
  });

  test.each<[string, (builder: TopologyBuilder) => unknown, string]>([
    ['no sub-topology', () => undefined, 'the topology has no sub-topology'],
    [
      'a sub-topology without a source',
      (b) => b.subTopology('a'),
      "sub-topology 'a' has no source",
    ],
    [
      'a name Kafka does not allow',
      (b) => b.subTopology('a b').source('in', { topics: ['t'], deserialize }),
      'the name must match',
    ],
    [
      'a parent that does not exist',
      (b) =>
        b
          .subTopology('a')
          .source('in', { topics: ['t'], deserialize })
          .processor('p', { parents: ['nowhere'], supplier }),
      "parent 'nowhere' of 'p' is not declared before it",
    ],
    [
      'a node declared twice',
      (b) =>
        b
          .subTopology('a')
          .source('in', { topics: ['t'], deserialize })
          .sink('in', { parents: ['in'], topic: 't', serialize }),
      "node 'in' is declared twice",
    ],
    [
      'a sink with a child',
      (b) =>
        b
          .subTopology('a')
          .source('in', { topics: ['t'], deserialize })
          .sink('out', { parents: ['in'], topic: 't', serialize })
          .processor('p', { parents: ['out'], supplier }),
      "sink 'out' has a child",
    ],
    [
      'a store nobody uses',
      (b) =>
        b
          .subTopology('a')
          .source('in', { topics: ['t'], deserialize })
          .store(counts),
      "store 'counts' is connected to no processor",
    ],
    [
      'a store that was not declared',
      (b) =>
        b
          .subTopology('a')
          .source('in', { topics: ['t'], deserialize })
          .processor('p', { parents: ['in'], supplier, stores: ['counts'] }),
      "store 'counts' is connected but not declared",
    ],
    [
      'an internal topic of another builder',
      (b) => b.subTopology('a').source('in', { topics: [{ internal: 'x' }], deserialize }),
      "internal topic 'x' is not declared",
    ],
  ])('refuses %s by name', (_what, declare, message) => {
    const builder = new TopologyBuilder();
    declare(builder);

    expect(() => builder.build()).toThrow(message);
  });
});
