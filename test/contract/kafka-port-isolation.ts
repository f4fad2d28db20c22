import { describe, expect, test } from '@jest/globals';
import type { TransactionalProducer } from '../../streams/kafka/port.ts';
import { batch, eventually, keyedBatch, text, timeoutMs, type PortBench } from './port-bench.ts';

/** Which records a reader gets to see: committed ones only, all of them, whatever lies between. */
export function isolationContract(bench: () => PortBench): void {
  describe('read_committed', () => {
    test(
      'does not take a record whose key is the Int32 0 for an abort marker',
      async () => {
        const topic = await bench().topic();
        const writer = await bench().producer('int32-zero');
        await writer.produce([keyedBatch(topic, Buffer.alloc(4), ['aborted', 'aborted too'])]);
        await writer.produce([batch(topic, 'aborted behind it')]);
        await writer.abort();
        await writer.produce([keyedBatch(topic, Buffer.alloc(4), ['committed'])]);
        await writer.commit();
        await bench().settled(topic, 6);

        expect(await bench().readTo(topic, 6)).toEqual(['committed']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'leaves out every one of several aborted transactions around a committed record',
      async () => {
        const topic = await bench().topic();
        const [a, b, c, kept] = await writers('around', 4);
        await a!.produce([batch(topic, 'a')]);
        await b!.produce([batch(topic, 'b')]);
        await c!.produce([batch(topic, 'c')]);
        await kept!.produce([batch(topic, 'kept')]);
        await a!.produce([batch(topic, 'a again')]);
        await b!.produce([batch(topic, 'b again')]);
        for (const aborted of [a, b, c]) await aborted!.abort();
        await kept!.commit();
        await bench().settled(topic, 10);

        expect(await bench().readTo(topic, 10)).toEqual(['kept']);
      },
      timeoutMs,
    );

    test(
      'does not rely on the order in which the broker lists aborted transactions: that of their ends',
      async () => {
        const topic = await bench().topic();
        const [first, second, kept] = await writers('order', 3);
        await first!.produce([batch(topic, 'began first')]);
        await second!.produce([batch(topic, 'began second')]);
        await second!.abort();
        await kept!.produce([batch(topic, 'kept')]);
        await kept!.commit();
        await first!.produce([batch(topic, 'began first, goes on')]);
        await first!.abort();
        await second!.produce([batch(topic, 'the next one is kept')]);
        await second!.commit();
        await bench().settled(topic, 9);

        expect(await bench().readTo(topic, 9)).toEqual(['kept', 'the next one is kept']);
      },
      timeoutMs,
    );

    test(
      'leaves aborted records out wherever a reader begins, in their middle and at their marker too',
      async () => {
        const topic = await bench().topic();
        const writer = await bench().producer('middle');
        await writer.produce([batch(topic, 'kept')]);
        await writer.commit();
        await writer.produce([batch(topic, 'x', 'y', 'z')]);
        await writer.abort();
        await writer.produce([batch(topic, 'kept too')]);
        await writer.commit();
        await bench().settled(topic, 8);

        for (const from of [1, 2, 3, 4, 5]) {
          expect({ from, values: await bench().readTo(topic, 8, from) }).toEqual({
            from,
            values: ['kept too'],
          });
        }
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'ends at the first open transaction, whatever others commit behind it, and says so',
      async () => {
        const topic = await bench().topic();
        const [open, other] = await writers('stable', 2);
        await other!.produce([batch(topic, 'before')]);
        await other!.commit();
        await bench().settled(topic, 2);
        await open!.produce([batch(topic, 'open')]);
        await other!.produce([batch(topic, 'behind')]);
        await other!.commit();
        await eventually(async () => (await bench().offset(topic, 'latest')) === 5);

        const reader = bench().port.openReader();
        reader.assign([{ topic, partition: 0, offset: 0 }]);
        const seen: string[] = [];
        let marks: object = {};
        let position = 0;
        await eventually(async () => {
          for (const { records, ...fetched } of await reader.poll(200)) {
            const { nextOffset, highWatermark, lastStableOffset, logStartOffset } = fetched;
            seen.push(...[...records].map(text));
            marks = { nextOffset, highWatermark, lastStableOffset, logStartOffset };
            position = nextOffset;
          }
          return position === 2;
        });
        await reader.close();
        await open!.commit();

        expect(seen).toEqual(['before']);
        expect(marks).toEqual({
          nextOffset: 2,
          highWatermark: 5,
          lastStableOffset: 2,
          logStartOffset: 0,
        });
        expect(await bench().readTo(topic, 6)).toEqual(['before', 'open', 'behind']);
      },
      timeoutMs,
    );

    test(
      'moves the position past a commit marker that ends the partition',
      async () => {
        const topic = await bench().topic();
        const writer = await bench().producer('commit-marker');
        await writer.produce([batch(topic, 'a')]);
        await writer.commit();
        await bench().settled(topic, 2);

        expect(await bench().readTo(topic, 2)).toEqual(['a']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'brings batches that no single fetch can hold in their order, each once',
      async () => {
        const topic = await bench().topic();
        const writer = await bench().producer('bulky');
        const padding = 'x'.repeat(400_000);
        const values = Array.from({ length: 8 }, (_, index) => `${index} ${padding}`);
        for (const value of values) await writer.produce([batch(topic, value)]);
        await writer.commit();

        const records = await bench().readAll(topic, values.length);
        expect(records.map((record) => text(record).slice(0, 2))).toEqual(
          values.map((value) => value.slice(0, 2)),
        );
        expect(records.every(({ value }) => value?.length === padding.length + 2)).toBe(true);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'begins where retention has left the log, and refuses what it has taken',
      async () => {
        const topic = await bench().topic();
        const writer = await bench().producer('retention');
        await writer.produce([batch(topic, 'gone', 'gone too', 'left')]);
        await writer.commit();
        await bench().settled(topic, 4);
        await bench().under.deleteBefore({ topic, partition: 0, offset: 2 });

        const reader = bench().port.openReader();
        reader.assign([{ topic, partition: 0, offset: 1 }]);
        let error: unknown;
        await eventually(async () => {
          for (const fetched of await reader.poll(200)) error = fetched.error;
          return error !== undefined;
        });
        await reader.close();

        expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
        expect(await bench().offset(topic, 'earliest')).toBe(2);
        expect(await bench().readTo(topic, 4, 2)).toEqual(['left']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'shows a transaction over several partitions and topics in all of them',
      async () => {
        const left = await bench().topic(2);
        const right = await bench().topic();
        const writer = await bench().producer('several');
        await writer.addPartitions([
          { topic: left, partition: 0 },
          { topic: left, partition: 1 },
        ]);
        const landed = await writer.produce([
          batch(left, 'left'),
          { ...batch(left, 'left, partition 1'), partition: 1 },
          batch(right, 'right'),
        ]);
        const before = [
          await bench().offset(left, 'stable'),
          await bench().offset(right, 'stable'),
        ];
        await writer.commit();

        expect(landed.map(({ baseOffset }) => baseOffset)).toEqual([0, 0, 0]);
        expect(before).toEqual([0, 0]);
        expect(await bench().readTo(left, 2)).toEqual(['left']);
        expect(await bench().readTo(right, 2)).toEqual(['right']);
        await writer.close();
      },
      timeoutMs,
    );

    function writers(id: string, count: number): Promise<TransactionalProducer[]> {
      const names = Array.from({ length: count }, (_, index) => `${id}-${index}`);
      return Promise.all(names.map((name) => bench().producer(name)));
    }
  });
}
