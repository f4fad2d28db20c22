import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assignedTasks, roundRobinAssignor, type TaskPlan } from '../../streams/assignor.ts';

const plans = fc.integer({ min: 0, max: 20 }).map((count): TaskPlan[] =>
  Array.from({ length: count }, (_, partition) => ({
    id: { subTopology: 's', partition },
    partitions: [
      { topic: 'a', partition },
      { topic: 'b', partition },
    ],
  })),
);
const members = fc
  .uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 6 })
  .map((ids) => ids.map((memberId) => ({ memberId, userData: Buffer.alloc(0) })));

describe('round-robin assignor', () => {
  test('gives every task whole to exactly one member, evenly, whoever is asked', () => {
    fc.assert(
      fc.property(plans, members, (tasks, group) => {
        const assign = roundRobinAssignor(tasks);
        const assignment = assign(group);
        const counts = group.map(
          ({ memberId }) => assignedTasks(tasks, assignment.get(memberId) ?? []).length,
        );

        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(tasks.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(assign([...group].reverse())).toEqual(assignment);
      }),
    );
  });
});
