import { describe, expect, test } from '@jest/globals';
import type { GroupAssignment, GroupOffsets } from '../../streams/kafka/port.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { batch, eventually, timeoutMs, type PortBench } from './port-bench.ts';

/** Committed offsets, and who may commit them. */
export function groupContract(bench: () => PortBench): void {
  describe('the offsets of a group', () => {
    test(
      'each member is told what the leader tells all of them',
      async () => {
        const client = bench().under.client();
        const [first, second] = [bench().member('told'), bench().member('told', client)];
        const alone = await first.join();
        const joining = second.join();
        await eventually(async () => (await first.heartbeat()) === 'rebalance');
        const both = await Promise.all([first.join(), joining]);

        expect(String(alone.userData)).toBe('address');
        expect(both.map(({ userData }) => String(userData))).toEqual([
          'address,address',
          'address,address',
        ]);
        await second.leave();
        await first.leave();
        await client.close();
      },
      timeoutMs,
    );

    test(
      'a static member that comes back has what it had, in the same generation, and who it replaced is told',
      async () => {
        const [clientOfOne, clientOfTwo] = [bench().under.client(), bench().under.client()];
        const [one, two] = [
          bench().member('static', clientOfOne, 'one'),
          bench().member('static', clientOfTwo, 'two'),
        ];
        await one.join();
        const joining = two.join();
        await eventually(async () => (await one.heartbeat()) === 'rebalance');
        const [before] = await Promise.all([one.join(), joining]);
        const again = bench().member('static', bench().port, 'one');
        const after = await again.join();
        const others = await two.heartbeat();
        const replaced = await errorCodeOf(one.heartbeat());
        const writer = await bench().producer('static');
        const topic = await bench().topic();
        const offsets = [{ topic, partition: 0, offset: 5 }];
        const of = ({ memberId, generationId, groupInstanceId }: GroupAssignment): GroupOffsets => {
          return {
            ...{ groupId: bench().groupId('static'), memberId, generationId },
            groupInstanceId,
            offsets,
          };
        };
        await writer.produce([batch(topic, 'x')]);
        const zombie = await errorCodeOf(writer.sendOffsets(of(before)));
        await writer.abort();
        await writer.produce([batch(topic, 'y')]);
        await writer.sendOffsets(of(after));
        await writer.commit();

        expect(after.generationId).toBe(before.generationId);
        expect(after.partitions).toEqual(before.partitions);
        expect(String(after.userData)).toBe(String(before.userData));
        expect(after.memberId).not.toBe(before.memberId);
        expect({ others, replaced, zombie }).toEqual({
          ...{ others: 'stable', replaced: 'INSTANCE_FENCED', zombie: 'INSTANCE_FENCED' },
        });
        await one.leave({ keepsPlace: true });
        await again.leave();
        await two.leave();
        await writer.close();
        await clientOfOne.close();
        await clientOfTwo.close();
      },
      timeoutMs,
    );

    test(
      'a member that leaves while it joins is gone at once: nobody waits for it',
      async () => {
        const client = bench().under.client();
        const [stays, leaves] = [bench().member('leaves'), bench().member('leaves', client)];
        await stays.join();
        const joining = errorCodeOf(leaves.join());
        await eventually(async () => (await stays.heartbeat()) === 'rebalance');
        // The group waits for the first member now; what comes behind the join would wait with it.
        await leaves.leave();
        const joined = await joining;
        const { userData } = await stays.join();

        expect({ joined, members: String(userData) }).toEqual({
          ...{ joined: 'ILLEGAL_STATE', members: 'address' },
        });
        await stays.leave();
        await client.close();
      },
      timeoutMs,
    );

    test.each(['commit', 'abort'] as const)(
      'wait for a pending transaction that moves them, up to its %s',
      async (end) => {
        const { group, topic, offsetsAt } = await joined(`pending-${end}`);
        const writer = await bench().producer(`pending-${end}`);
        await writer.produce([batch(topic, 'x')]);
        await writer.sendOffsets(offsetsAt(3));
        await writer.commit();
        await writer.produce([batch(topic, 'y')]);
        await writer.sendOffsets(offsetsAt(7));
        let answered = false;
        const asked = group.committedOffsets([{ topic, partition: 0 }]);
        void asked.then(() => (answered = true));
        // A partition that no transaction moves does not wait; its answer comes behind the other's try.
        const free = await group.committedOffsets([{ topic, partition: 1 }]);
        const answeredTooSoon = answered;
        await writer[end]();

        expect({ free, answeredTooSoon }).toEqual({ free: [], answeredTooSoon: false });
        expect(await asked).toEqual([{ topic, partition: 0, offset: end === 'commit' ? 7 : 3 }]);
        await group.leave();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'are refused from a member of the generation before, once another one has joined',
      async () => {
        const { group, topic, offsetsAt } = await joined('moved-on');
        const client = bench().under.client();
        const second = bench().member('moved-on', client);
        const joining = second.join();
        await eventually(async () => (await group.heartbeat()) === 'rebalance');
        const [again] = await Promise.all([group.join(), joining]);
        const writer = await bench().producer('moved-on');
        await writer.produce([batch(topic, 'x')]);
        const refused = await errorCodeOf(writer.sendOffsets(offsetsAt(4)));
        await writer.abort();
        await writer.produce([batch(topic, 'x')]);
        await writer.sendOffsets({ ...offsetsAt(4), generationId: again.generationId });
        await writer.commit();

        expect(refused).toBe('ILLEGAL_GENERATION');
        expect(await group.committedOffsets([{ topic, partition: 0 }])).toEqual([
          { topic, partition: 0, offset: 4 },
        ]);
        await second.leave();
        await group.leave();
        await client.close();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'are refused from one that is no member, or has left',
      async () => {
        const { group, topic, offsetsAt } = await joined('strangers');
        const writer = await bench().producer('strangers');
        const refusals: string[] = [];
        const refuse = async (offsets: GroupOffsets): Promise<void> => {
          await writer.produce([batch(topic, 'x')]);
          refusals.push(await errorCodeOf(writer.sendOffsets(offsets)));
          await writer.abort();
        };
        await refuse({ ...offsetsAt(1), memberId: 'somebody else' });
        await group.leave();
        await refuse(offsetsAt(1));

        expect(refusals).toEqual(['ILLEGAL_GENERATION', 'ILLEGAL_GENERATION']);
        expect(await errorCodeOf(group.heartbeat())).toBe('ILLEGAL_GENERATION');
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'its members are told while they are in it, none of a group that nobody ever joined',
      async () => {
        const { group, offsetsAt } = await joined('described');
        const { admin } = bench().port;
        const { groupId, memberId } = offsetsAt(0);
        const during = await admin.groupMembers(groupId);
        await group.leave();

        expect(during.map((each) => each.memberId)).toEqual([memberId]);
        expect(during[0]?.host).toMatch(/\S/);
        expect(during[0]?.clientId).toMatch(/\S/);
        expect(await admin.groupMembers(groupId)).toEqual([]);
        expect(await admin.groupMembers(bench().groupId('never-joined'))).toEqual([]);
      },
      timeoutMs,
    );

    test(
      'of a member that the group forgot: it hears so by heartbeat and may join anew',
      async () => {
        const { group, topic } = await joined('forgotten');
        const before = await errorCodeOf(group.heartbeat());
        await group.leave();
        const after = await errorCodeOf(group.heartbeat());
        const again = await group.join();

        expect([before, after]).toEqual(['resolved', 'ILLEGAL_GENERATION']);
        expect(await group.heartbeat()).toBe('stable');
        expect(again.memberId).not.toBe('');
        expect(await group.committedOffsets([{ topic, partition: 0 }])).toEqual([]);
        await group.leave();
      },
      timeoutMs,
    );
  });

  async function joined(id: string) {
    const topic = await bench().topic(2);
    const group = bench().member(id);
    const { memberId, generationId } = await group.join();
    const offsetsAt = (offset: number): GroupOffsets => ({
      groupId: bench().groupId(id),
      ...{ memberId, generationId, offsets: [{ topic, partition: 0, offset }] },
    });
    return { group, topic, offsetsAt };
  }
}
