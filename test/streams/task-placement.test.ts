/** Who runs, follows and warms up for what: a pure function of what the members report. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ReportedMember } from '../../streams/member-report.ts';
import {
  placeTasks,
  type MemberTasks,
  type PlacedTask,
  type Placement,
  type PlacementRules,
} from '../../streams/task-placement.ts';

const rules: PlacementRules = {
  ...{ numStandbyReplicas: 1, acceptableRecoveryLag: 100, maxWarmupReplicas: 2 },
};

function tasksOf(subTopology: string, count: number, isStateful = true): PlacedTask[] {
  return Array.from({ length: count }, (_, partition) => {
    return { name: `${subTopology}_${partition}`, subTopology, isStateful };
  });
}

function member(memberId: string, has: Partial<ReportedMember> = {}): ReportedMember {
  const nothing = { address: undefined, groupInstanceId: undefined, generation: 1 };
  return { memberId, ...nothing, active: [], positions: {}, ...has };
}

const topology = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.boolean()), { minLength: 1, maxLength: 4 })
  .map((subs) =>
    subs.flatMap(([count, isStateful], index) => tasksOf(`s${index}`, count, isStateful)),
  );
const anyRules = fc.record({
  numStandbyReplicas: fc.integer({ min: 0, max: 3 }),
  acceptableRecoveryLag: fc.constantFrom(0, 100),
  maxWarmupReplicas: fc.integer({ min: 1, max: 3 }),
});
const world = fc.record({
  tasks: topology,
  ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 5 }),
  rules: anyRules,
  seed: fc.infiniteStream(fc.nat(1_000)),
});
const position = 1_000;

/** Members with any claims and copies, possible ones or not. */
function anyMembers(
  tasks: readonly PlacedTask[],
  ids: readonly string[],
  seed: Iterator<number>,
): ReportedMember[] {
  const next = (): number => Number(seed.next().value);
  return ids.map((id) =>
    member(id, {
      generation: next() % 3,
      active: tasks.filter(() => next() % 4 === 0).map(({ name }) => name),
      positions: Object.fromEntries(
        tasks.filter(() => next() % 2 === 0).map(({ name }) => [name, next()]),
      ),
    }),
  );
}

const countOf = (placement: Placement, task: string, of: keyof MemberTasks): number =>
  [...placement.values()].filter((each) => each[of].includes(task)).length;

/** What the members report once they have done what they were told, and have caught up. */
function done(placement: Placement, generation: number): ReportedMember[] {
  return [...placement].map(([id, { active, standbys, warmsUp }]) =>
    member(id, {
      ...{ generation, active },
      positions: Object.fromEntries(
        [...active, ...standbys, ...warmsUp].map((task) => [task, position]),
      ),
    }),
  );
}

/** After so many rounds of catching up. */
function settled(
  tasks: readonly PlacedTask[],
  members: readonly ReportedMember[],
  { rules: given = rules, rounds = 40 } = {},
): Placement {
  let placement = placeTasks(tasks, members, given);
  for (let round = 2; round < rounds; round += 1) {
    placement = placeTasks(tasks, done(placement, round), given);
  }
  return placement;
}

function spread(placement: Placement, tasks: readonly PlacedTask[]): number {
  const names = new Set(tasks.map(({ name }) => name));
  const counts = [...placement.values()].map(
    ({ active }) => active.filter((task) => names.has(task)).length,
  );
  return Math.max(...counts) - Math.min(...counts);
}

describe('a placement', () => {
  test('gives every task to exactly one member, whoever is asked and in whatever order', () => {
    fc.assert(
      fc.property(world, ({ tasks, ids, rules: given, seed }) => {
        const members = anyMembers(tasks, ids, seed[Symbol.iterator]());
        const placement = placeTasks(tasks, members, given);

        expect(tasks.filter(({ name }) => countOf(placement, name, 'active') !== 1)).toEqual([]);
        expect([...placeTasks(tasks, members.toReversed(), given)].toSorted()).toEqual(
          [...placement].toSorted(),
        );
      }),
    );
  });

  test('has as many followers as are wanted, none of them on the member that runs the task', () => {
    fc.assert(
      fc.property(world, ({ tasks, ids, rules: given, seed }) => {
        const members = anyMembers(tasks, ids, seed[Symbol.iterator]());
        const placement = placeTasks(tasks, members, given);
        const stateful = tasks.filter(({ isStateful }) => isStateful);

        for (const { name } of stateful) {
          const warming = countOf(placement, name, 'warmsUp');
          const free = ids.length - 1 - warming;
          const followers = countOf(placement, name, 'standbys');
          expect(followers).toBe(Math.min(given.numStandbyReplicas, free));
        }
        for (const { active, standbys, warmsUp } of placement.values()) {
          const all = [...active, ...standbys, ...warmsUp];
          expect(new Set(all).size).toBe(all.length);
        }
      }),
    );
  });

  test('warms up no more at a time than it may, and nothing without state', () => {
    fc.assert(
      fc.property(world, ({ tasks, ids, rules: given, seed }) => {
        const members = anyMembers(tasks, ids, seed[Symbol.iterator]());
        const placement = placeTasks(tasks, members, given);
        const warming = [...placement.values()].flatMap(({ warmsUp }) => warmsUp);
        const stateful = new Set(
          tasks.filter(({ isStateful }) => isStateful).map(({ name }) => name),
        );

        expect(warming.length).toBeLessThanOrEqual(given.maxWarmupReplicas);
        expect(warming.filter((task) => !stateful.has(task))).toEqual([]);
      }),
    );
  });

  test('never moves a task with state from its owner to a member that is too far behind', () => {
    fc.assert(
      fc.property(world, ({ tasks, ids, rules: given, seed }) => {
        const members = anyMembers(tasks, ids, seed[Symbol.iterator]());
        const placement = placeTasks(tasks, members, given);
        const at = (id: string, task: string): number =>
          members.find(({ memberId }) => memberId === id)?.positions[task] ?? 0;

        for (const { name } of tasks.filter(({ isStateful }) => isStateful)) {
          const claims = members.filter(({ active }) => active.includes(name));
          const newest = Math.max(-1, ...claims.map(({ generation }) => generation));
          const owners = claims.filter(({ generation }) => generation === newest);
          const runs = [...placement].find(([, { active }]) => active.includes(name))?.[0] ?? '';
          const isMoved = owners.length === 1 && owners[0]?.memberId !== runs;
          const best = Math.max(0, ...ids.map((id) => at(id, name)));
          if (isMoved) {
            expect(best - at(runs, name)).toBeLessThanOrEqual(given.acceptableRecoveryLag);
          }
        }
      }),
    );
  });

  test('comes to rest, balanced by sub-topology and in all, and stays as it is from then on', () => {
    fc.assert(
      fc.property(world, ({ tasks, ids, rules: given, seed }) => {
        const members = anyMembers(tasks, ids, seed[Symbol.iterator]());
        const placement = settled(tasks, members, { rules: given });

        expect(placeTasks(tasks, done(placement, 99), given)).toEqual(placement);
        expect([...placement.values()].flatMap(({ warmsUp }) => warmsUp)).toEqual([]);
        expect(spread(placement, tasks)).toBeLessThanOrEqual(1);
        for (const sub of new Set(tasks.map(({ subTopology }) => subTopology))) {
          const own = tasks.filter(({ subTopology }) => subTopology === sub);
          expect(spread(placement, own)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a member', () => {
  const tasks = tasksOf('guard', 4);

  test('that comes new gets nothing that has much state before it has warmed up', () => {
    const owner = member('a', {
      active: tasks.map(({ name }) => name),
      positions: Object.fromEntries(tasks.map(({ name }) => [name, position])),
    });
    const placement = placeTasks(tasks, [owner, member('b')], rules);

    expect(placement.get('a')?.active).toHaveLength(4);
    expect(placement.get('b')).toMatchObject({ active: [], warmsUp: ['guard_2', 'guard_3'] });
    expect(placement.get('b')?.standbys).toEqual(['guard_0', 'guard_1']);
  });

  test('that comes new gets at once what has little state, or none', () => {
    const stateless = tasksOf('intake', 2, false);
    const owner = member('a', {
      active: [...tasks, ...stateless].map(({ name }) => name),
      positions: Object.fromEntries(tasks.map(({ name }) => [name, 50])),
    });
    const placement = placeTasks([...tasks, ...stateless], [owner, member('b')], rules);

    expect(placement.get('b')?.active).toHaveLength(3);
  });

  test('that goes leaves its tasks to those that follow them', () => {
    const three = settled(
      tasks,
      ['a', 'b', 'c'].map((id) => member(id)),
    );
    const gone = three.get('a')?.active ?? [];
    const left = done(three, 50).filter(({ memberId }) => memberId !== 'a');
    const placement = placeTasks(tasks, left, rules);

    for (const task of gone) {
      const follower = [...three].find(([, { standbys }]) => standbys.includes(task))?.[0] ?? '';
      expect(placement.get(follower)?.active).toContain(task);
    }
  });

  test('that was away while its task was given to another one has lost it', () => {
    const [task] = tasks;
    const claim = (memberId: string, generation: number): ReportedMember =>
      member(memberId, { generation, active: ['guard_0'], positions: { guard_0: position } });

    for (const members of [
      [claim('a', 4), claim('b', 7)],
      [claim('a', 7), claim('b', 4)],
    ]) {
      const placement = placeTasks([task!], members, { ...rules, numStandbyReplicas: 0 });
      const newer = members.find(({ generation }) => generation === 7)?.memberId ?? '';

      expect(placement.get(newer)?.active).toEqual(['guard_0']);
    }
  });

  test('that alone is left runs everything, however far behind', () => {
    const placement = placeTasks(tasks, [member('z', { positions: { guard_1: 3 } })], rules);

    expect(placement.get('z')).toEqual({
      ...{ active: tasks.map(({ name }) => name), standbys: [], warmsUp: [] },
    });
  });

  test('comes in the order of its instance id, which a restart does not change', () => {
    const named = (memberId: string, groupInstanceId: string): ReportedMember =>
      member(memberId, { groupInstanceId });
    const before = placeTasks(tasks, [named('x1', 'one'), named('y1', 'two')], rules);
    const after = placeTasks(tasks, [named('z9', 'one'), named('a9', 'two')], rules);

    expect(after.get('z9')).toEqual(before.get('x1'));
    expect(after.get('a9')).toEqual(before.get('y1'));
  });
});
