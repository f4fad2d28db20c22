import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import {
  describeTopology,
  renderTopologyMermaid,
  renderTopologyText,
  TopologyBuilder,
  type TopologyDescription,
} from '../../streams/index.ts';
import { prepareTopics } from '../../streams/internal-topics.ts';
import { compileStreamsConfig } from '../../streams/streams-config.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { golden } from '../support/golden.ts';
import { wordCount } from '../support/word-count.ts';

const applicationId = 'words';
const description = describeTopology(wordCount(), { applicationId });

describe('the description of a topology', () => {
  test('is equal to its golden text, chart and data', () => {
    const text = renderTopologyText(description);
    const chart = renderTopologyMermaid(description);
    const data = `${JSON.stringify(description, null, 2)}\n`;

    expect(text).toBe(golden('topology/word-count.txt', text));
    expect(chart).toBe(golden('topology/word-count.mmd', chart));
    expect(data).toBe(golden('topology/word-count.json', data));
  });

  test('names the topics and settings that the engine creates', async () => {
    const builder = new TopologyBuilder();
    const between = builder.internalTopic('between', {
      partitionCount: 3,
      configs: { 'retention.ms': '-1' },
    });
    builder
      .subTopology('first')
      .source('lines', { topics: ['lines'], deserialize: () => undefined })
      .sink('out', {
        parents: ['lines'],
        topic: between,
        serialize: () => ({ key: null, value: null }),
        partition: () => 'all',
      });
    builder.subTopology('second').source('in', {
      topics: [between],
      deserialize: () => undefined,
    });
    const topology = builder.build();
    const described = describeTopology(topology, { applicationId });

    expect(described.subTopologies.map(({ taskCount }) => taskCount)).toEqual([null, 3]);
    expect(described.subTopologies[0]?.sinks[0]?.partitionedBy).toBe('sink');
    expect(described.internalTopics).toEqual([
      {
        topic: 'words-between',
        partitionCount: 3,
        configs: { 'retention.ms': '-1' },
        writtenBy: ['first/out'],
        readBy: ['second/in'],
      },
    ]);
    await verifyCreated(wordCount(), describeTopology(wordCount(), { applicationId }));
  });

  test('a name cannot break the chart', () => {
    const [subTopology] = description.subTopologies;
    const odd = { ...subTopology!, name: 'a"] --> b#1;', stores: ['counts', '"'] };
    const chart = renderTopologyMermaid({ ...description, subTopologies: [odd] });

    expect(chart).toContain('subgraph s0["a#quot;] --> b#35;1;"]');
    expectFlowchart(chart);
  });
});

/** What was described is what a start creates. */
async function verifyCreated(
  topology: Parameters<typeof prepareTopics>[1],
  described: TopologyDescription,
): Promise<void> {
  const kafka = new InProcessKafka(systemClock).client('words');
  const lines = { name: 'lines', partitionCount: 2, configs: {} };
  await kafka.admin.createTopics([lines, { ...lines, name: 'counts' }]);
  await prepareTopics(kafka.admin, topology, compileStreamsConfig({ applicationId }));
  const changelogs = described.subTopologies.flatMap(({ changelog }) => changelog ?? []);
  for (const { topic, configs } of [...changelogs, described.deadLetterTopic]) {
    const created = await kafka.admin.topicConfigs([topic]);
    expect(created.get(topic)).toMatchObject(configs);
  }
}

/** Every line is one of the few forms the renderer uses, and boxes are closed. */
function expectFlowchart(chart: string): void {
  const [first, ...lines] = chart.trimEnd().split('\n');
  const quoted = '"[^"]*"';
  const shape = String.raw`(\(\[${quoted}\]\)|\[\(${quoted}\)\]|\[/${quoted}/\]|\[${quoted}\])`;
  const form = new RegExp(
    String.raw`^ +(subgraph s\d+\[${quoted}\]|end|[a-z\d]+${shape}|[a-z\d]+ (-->|---|-\.->) [a-z\d]+)$`,
  );

  expect(first).toBe('flowchart LR');
  expect(lines.filter((line) => !form.test(line))).toEqual([]);
  expect(lines.filter((line) => line.trim().startsWith('subgraph')).length).toBe(
    lines.filter((line) => line.trim() === 'end').length,
  );
}
