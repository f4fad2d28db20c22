import { describe, expect, test } from '@jest/globals';
import { errorCodeOf } from '../support/error-code.ts';
import { batch, eventually, timeoutMs, type PortBench } from './port-bench.ts';

/** What is asked of topics and partitions that do not exist. */
export function missingContract(bench: () => PortBench): void {
  describe('a topic or partition that does not exist', () => {
    test.each(['topic', 'partition'] as const)(
      'is told to whoever reads it: %s',
      async (what) => {
        const missing = await missingOne(what);
        const there = await bench().topic();
        const reader = bench().port.openReader();
        reader.assign([
          { ...missing, offset: 0 },
          { topic: there, partition: 0, offset: 0 },
        ]);
        const errors: { readonly topic: string; readonly error: unknown }[] = [];
        await eventually(async () => {
          for (const { topic, error } of await reader.poll(200)) {
            if (error !== undefined) errors.push({ topic, error });
          }
          return errors.length > 0;
        });
        await reader.close();

        const error = expect.objectContaining({ code: 'TOPIC_MISSING' }) as unknown;
        expect(errors).toEqual([{ topic: missing.topic, error }]);
      },
      timeoutMs,
    );

    test.each(['topic', 'partition'] as const)(
      'is told to whoever asks for its offsets: %s',
      async (what) => {
        const missing = await missingOne(what);

        expect(await errorCodeOf(bench().port.admin.listOffsets([missing], 'latest'))).toBe(
          'TOPIC_MISSING',
        );
      },
      timeoutMs,
    );

    test(
      'is told to whoever writes to it; the producer goes on after an abort',
      async () => {
        const topic = await bench().topic();
        const missing = await missingOne('topic');
        const writer = await bench().producer('missing');
        await writer.produce([batch(topic, 'aborted with the rest')]);
        const refused = writer.produce([batch(missing.topic, 'nowhere')]);

        expect(await errorCodeOf(refused)).toBe('TOPIC_MISSING');
        await writer.abort();
        await writer.produce([batch(topic, 'kept')]);
        await writer.commit();
        expect(await bench().readTo(topic, 4)).toEqual(['kept']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'has neither settings nor a description',
      async () => {
        const { topic } = await missingOne('topic');

        expect(await bench().port.admin.describeTopics([topic])).toEqual([]);
      },
      timeoutMs,
    );
  });

  async function missingOne(what: 'topic' | 'partition') {
    return what === 'topic'
      ? { topic: bench().name('missing'), partition: 0 }
      : { topic: await bench().topic(2), partition: 2 };
  }
}
