import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { KafkaStreams } from '../../streams/index.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import type { Send } from '../../testing/in-process/in-process-client.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';

const closeTimeoutMs = 5_000;

describe('an instance that is stopped', () => {
  test('ends in time, though a broker answers nothing any more', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
    let hangs = false;
    const send: Send = (_kind, request) =>
      hangs ? new Promise(() => undefined) : Promise.resolve().then(request);
    const streams = new KafkaStreams({
      ...{ topology: callTally(), port: kafka.client('one', send) },
      options: { applicationId: 'test', closeTimeoutMs },
      ...{ stateDir: '', stateKind: 'memory' as const, clock },
      ...{ logger: silentLogger, metrics: noMetrics },
    });
    streams.start();
    await clock.advance(8_000);
    hangs = true;
    await clock.advance(1_000);
    const closed = settledWithin(clock, 2 * closeTimeoutMs, streams.close());
    await clock.advance(2 * closeTimeoutMs + 1_000);

    expect(await closed).not.toBe(late);
  });
});
