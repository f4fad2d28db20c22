import { describe, expect, test } from '@jest/globals';
import type { TransactionalProducer } from '../../streams/kafka/port.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { batch, text, timeoutMs, type PortBench } from './port-bench.ts';

interface Zombie {
  readonly producer: TransactionalProducer;
  readonly topic: string;
  readonly other: string;
  readonly offsets: Parameters<TransactionalProducer['sendOffsets']>[0];
}

/** Each in a transaction that was open when the successor came; how far it had got does not matter. */
const requests: readonly [name: string, ask: (zombie: Zombie) => Promise<unknown>][] = [
  ['produce to a partition it had added', ({ producer, topic }) => produceTo(producer, topic)],
  ['produce to a new partition', ({ producer, other }) => produceTo(producer, other)],
  [
    'addPartitions',
    ({ producer, other: topic }) => producer.addPartitions([{ topic, partition: 0 }]),
  ],
  ['sendOffsets', ({ producer, offsets }) => producer.sendOffsets(offsets)],
  ['commit', ({ producer }) => producer.commit()],
  ['abort', ({ producer }) => producer.abort()],
  ['recover', ({ producer }) => producer.recover()],
];

function produceTo(producer: TransactionalProducer, topic: string): Promise<unknown> {
  return producer.produce([batch(topic, 'of the zombie')]);
}

/** A transactional id has one owner: the one that took it last. */
export function fencingContract(bench: () => PortBench): void {
  describe('a producer whose transactional id somebody took', () => {
    test.each(requests)(
      'is fenced by the first thing it asks: %s',
      async (name, ask) => {
        const zombie = await zombieOf(name, { sentOffsets: false });

        expect(await errorCodeOf(ask(zombie))).toBe('PRODUCER_FENCED');
        expect(await errorCodeOf(zombie.producer.recover())).toBe('PRODUCER_FENCED');
        expect(await bench().readTo(zombie.topic, 4)).toEqual(['of the successor']);
      },
      timeoutMs,
    );

    test(
      'is fenced when it sends offsets of a group that its transaction had already',
      async () => {
        const zombie = await zombieOf('offsets again', { sentOffsets: true });

        expect(await errorCodeOf(zombie.producer.sendOffsets(zombie.offsets))).toBe(
          'PRODUCER_FENCED',
        );
      },
      timeoutMs,
    );

    test(
      'loses the offsets of its open transaction: the group is where it was',
      async () => {
        const group = bench().member('taken-offsets');
        const { memberId, generationId } = await group.join();
        const topic = await bench().topic();
        const offsetsAt = (offset: number) => ({
          groupId: bench().groupId('taken-offsets'),
          ...{ memberId, generationId, offsets: [{ topic, partition: 0, offset }] },
        });
        const old = await bench().producer('taken-offsets');
        await old.produce([batch(topic, 'x')]);
        await old.sendOffsets(offsetsAt(5));
        await old.commit();
        await old.produce([batch(topic, 'y')]);
        await old.sendOffsets(offsetsAt(9));
        const client = bench().under.client();
        await bench().producer('taken-offsets', client);

        expect(await group.committedOffsets([{ topic, partition: 0 }])).toEqual([
          { topic, partition: 0, offset: 5 },
        ]);
        await group.leave();
        await client.close();
      },
      timeoutMs,
    );

    test(
      'does not get it back by recovering, not even after the successor is gone',
      async () => {
        const old = await bench().producer('gone');
        const client = bench().under.client();
        const successor = await bench().producer('gone', client);
        await successor.close();
        await client.close();

        expect(await errorCodeOf(old.recover())).toBe('PRODUCER_FENCED');
      },
      timeoutMs,
    );
  });

  describe('an owner that ends the last transaction of its id once more', () => {
    const end = async (id: string, last?: 'commit' | 'abort') => {
      const topic = await bench().topic(2);
      if (last !== undefined) {
        const before = await bench().producer(id);
        await before.produce([batch(topic, last)]);
        await before[last]();
      }
      const owner = await bench().producer(id);
      const partitions = [0, 1].map((partition) => ({ topic, partition }));
      const written = { partitions, groupId: bench().groupId(id) };
      return { topic, owner, written, repeated: await owner.repeatEnd(written) };
    };

    test.each([['commit'], ['abort']] as const)(
      'is told how that ended (%s), also when it asks again, and changes nothing that has its marker',
      async (last) => {
        const { topic, owner, written, repeated } = await end(`ended-${last}`, last);
        await owner.recover();
        const again = await owner.repeatEnd(written);
        await owner.produce([batch(topic, 'next')]);
        await owner.commit();

        expect([repeated, again]).toEqual([
          { end: last, partitions: [] },
          { end: last, partitions: [] },
        ]);
        const kept = last === 'commit' ? ['commit', 'next'] : ['next'];
        expect((await bench().readAll(topic, kept.length)).map(text)).toEqual(kept);
        await owner.close();
      },
      timeoutMs,
    );

    test(
      'does nothing where there was none',
      async () => {
        const { owner, repeated } = await end('never-ended');

        expect(repeated).toBeUndefined();
        await owner.close();
      },
      timeoutMs,
    );

    test(
      'has aborted it itself where it was still open',
      async () => {
        const topic = await bench().topic();
        const before = await bench().producer('left-open');
        await before.produce([batch(topic, 'open')]);
        const owner = await bench().producer('left-open');
        const written = { partitions: [{ topic, partition: 0 }], groupId: bench().groupId('left') };

        expect(await owner.repeatEnd(written)).toEqual({ end: 'abort', partitions: [] });
        await owner.close();
      },
      timeoutMs,
    );
  });

  describe('a transactional producer', () => {
    test(
      'goes on at once after each end, though markers are still being written',
      async () => {
        const topic = await bench().topic(3);
        const writer = await bench().producer('quick');
        const count = 60;
        for (let round = 0; round < count; round += 1) {
          const spread = [0, 1, 2].map((partition) => ({ ...batch(topic, `${round}`), partition }));
          await writer.produce(spread);
          if (round % 3 === 2) await writer.abort();
          else await writer.commit();
        }

        const kept = Array.from({ length: count }, (_, round) => round).filter((n) => n % 3 !== 2);
        const records = await bench().readAll(topic, kept.length);
        expect(records.map(text)).toEqual(kept.map(String));
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'gets a higher epoch by every recovery, and writes under it',
      async () => {
        const topic = await bench().topic();
        let writer = await bench().producer('epochs');
        const epochs = [writer.producerEpoch];
        for (let round = 0; round < 3; round += 1) {
          await writer.produce([batch(topic, `lost ${round}`)]);
          writer = await bench().recovered(writer, 'epochs');
          epochs.push(writer.producerEpoch);
        }
        await writer.produce([batch(topic, 'kept')]);
        await writer.commit();

        expect(epochs).toEqual([...epochs].sort((left, right) => left - right));
        expect(new Set(epochs).size).toBe(epochs.length);
        expect((await bench().readAll(topic, 1)).map(text)).toEqual(['kept']);
        await writer.close();
      },
      timeoutMs,
    );
  });

  /** A producer with an open transaction, whose id somebody else has taken and used since. */
  async function zombieOf(
    name: string,
    { sentOffsets }: { readonly sentOffsets: boolean },
  ): Promise<Zombie> {
    const id = `zombie-${name.replaceAll(/\W+/g, '-')}`;
    const group = bench().member(id);
    const { memberId, generationId } = await group.join();
    const topic = await bench().topic();
    const other = await bench().topic();
    const offsets = {
      groupId: bench().groupId(id),
      ...{ memberId, generationId, offsets: [{ topic, partition: 0, offset: 1 }] },
    };
    const producer = await bench().producer(id);
    await producer.produce([batch(topic, 'of the old owner')]);
    if (sentOffsets) await producer.sendOffsets(offsets);
    const client = bench().under.client();
    const successor = await bench().producer(id, client);
    await successor.produce([batch(topic, 'of the successor')]);
    await successor.commit();
    await client.close();
    return { producer, topic, other, offsets };
  }
}
