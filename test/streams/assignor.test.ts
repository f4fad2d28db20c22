/** What the leader makes of the members' reports. */
import { describe, expect, test } from '@jest/globals';
import { assignedTasks, stickyAssignor, type TaskPlan } from '../../streams/assignor.ts';
import type { GroupMemberInfo } from '../../streams/kafka/port.ts';
import { encodeReport, readReport, type MemberReport } from '../../streams/member-report.ts';
import { readAnnouncement } from '../../streams/task-owners.ts';

const tasks = [0, 1].map((partition): TaskPlan => {
  const partitions = ['a', 'b'].map((topic) => ({ topic, partition }));
  return { id: { subTopology: 's', partition }, partitions, isStateful: true };
});
const rules = { numStandbyReplicas: 1, acceptableRecoveryLag: 10, maxWarmupReplicas: 1 };
const nothing: MemberReport = { address: undefined, generation: -1, active: [], positions: {} };

function info(memberId: string, userData: Buffer): GroupMemberInfo {
  return { memberId, groupInstanceId: undefined, userData };
}

describe('the assignor', () => {
  test('gives each task whole, and tells every member who runs and who follows what', () => {
    const shares = stickyAssignor(
      tasks,
      rules,
    )([
      info('m1', encodeReport({ ...nothing, address: 'one:1' })),
      info('m2', encodeReport({ ...nothing, address: 'two:2' })),
    ]);
    const told = [...shares.values()].map(({ userData }) => readAnnouncement(userData));
    const given = [...shares.values()].map(({ partitions }) => assignedTasks(tasks, partitions));

    expect(given.map((some) => some.map(({ id }) => id.partition))).toEqual([[0], [1]]);
    expect(told.map(({ follows }) => follows)).toEqual([['s_1'], ['s_0']]);
    for (const { owners, standbys } of told) {
      expect([...owners]).toEqual([
        ['s_0', 'one:1'],
        ['s_1', 'two:2'],
      ]);
      expect(standbys).toEqual(
        new Map([
          ['s_1', ['one:1']],
          ['s_0', ['two:2']],
        ]),
      );
    }
  });

  test('takes a member that says something else for one that has nothing', () => {
    for (const said of ['', 'one:1', '\u0001\u0002', 'null', '[]', '{"active":7,"positions":1}']) {
      const { memberId, ...report } = readReport(info('m', Buffer.from(said)));

      expect(memberId).toBe('m');
      expect(report).toMatchObject({ address: undefined, generation: -1, active: [] });
      expect(stickyAssignor(tasks, rules)([info('m', Buffer.from(said))]).size).toBe(1);
    }
  });
});
