/** A group coordinator that answers with offsets of long ago, as Kafka 4.3.1 does for a moment after a crash. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { KafkaStreams, type KafkaPort } from '../../streams/index.ts';
import { KnownOffsets } from '../../streams/known-offsets.ts';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { tally } from '../support/tally.ts';

const [one, other] = [
  { topic: 'lines', partition: 0 },
  { topic: 'lines', partition: 1 },
];
const target = { subTopology: 'count', partition: 0 };
const running: { readonly clock: ManualClock; readonly streams: KafkaStreams }[] = [];

afterEach(async () => {
  for (const { clock, streams } of running.splice(0)) {
    const closed = streams.close();
    await clock.advance(30_000);
    await closed;
  }
});

describe("what is known of the group's offsets", () => {
  test('is what was committed or answered last; a later answer is as good', () => {
    const known = new KnownOffsets();
    known.check([one, other], []);
    known.reached([{ ...one, offset: 7 }]);
    known.check([one, other], [{ ...one, offset: 9 }]);

    expect(() => known.check([one], [{ ...one, offset: 9 }])).not.toThrow();
    expect(() => known.check([other], [])).not.toThrow();
  });

  test('refuses an answer of before, and none where there was one', () => {
    const known = new KnownOffsets();
    known.reached([{ ...one, offset: 7 }]);

    expect(() => known.check([one], [{ ...one, offset: 6 }])).toThrow(/answers 6 for lines-0.*7/);
    expect(() => known.check([one, other], [{ ...other, offset: 3 }])).toThrow(/answers 0/);
  });
});

describe('a task that is taken anew after a broker was away', () => {
  test('counts nothing twice, though the coordinator answers with an offset of before at first', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    for (const name of ['lines', 'counts']) {
      kafka.createTopic({ name, partitionCount: 1, configs: {} });
    }
    let isStale = false;
    let stale = 0;
    const port: KafkaPort = kafka.client('instance');
    const openMember = port.openMember.bind(port);
    port.openMember = (options) => {
      const member = openMember(options);
      const committedOffsets = member.committedOffsets.bind(member);
      member.committedOffsets = async (partitions) => {
        const answered = await committedOffsets(partitions);
        if (!isStale) return answered;
        stale += 1;
        return answered.map((each) => ({ ...each, offset: 1 }));
      };
      return member;
    };
    const streams = new KafkaStreams({
      topology: tally(),
      port,
      options: { applicationId: 'test', transactionTimeoutMs: 60_000 },
      ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
    });
    running.push({ clock, streams });
    streams.start();
    await clock.advance(3_000);
    const line = { key: Buffer.from('apple'), value: Buffer.from('x'), timestampMs: 1 };
    for (let count = 0; count < 5; count += 1) kafka.append('lines', line);
    await clock.advance(3_000);
    isStale = true;
    kafka.faults = ({ kind }) => (kind === 'EndTxn' ? 'lose-request' : 'ok');
    kafka.append('lines', line);
    await clock.advance(3_000);
    kafka.faults = () => 'ok';
    await clock.advance(5_000);
    const whileStale = streams.notReady();
    isStale = false;
    await clock.advance(30_000);
    const { store } = streams.query<ReadOnlyKeyValueStore<string, string>>({
      ...target,
      store: 'counts',
    });

    expect(stale).toBeGreaterThan(0);
    expect(whileStale).toBeDefined();
    expect(streams.notReady()).toBeUndefined();
    expect(await store.get('apple')).toBe('6');
  });
});
