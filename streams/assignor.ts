/**
 * Who runs which task: tasks are dealt to the members in turn, members and tasks in a fixed order, so
 * that every leader decides the same. A task brings all its source partitions with it.
 */
import type { GroupAssignor, TopicPartition } from './kafka/port.ts';
import type { TaskId } from './task-id.ts';

export interface TaskPlan {
  readonly id: TaskId;
  readonly partitions: readonly TopicPartition[];
}

export function roundRobinAssignor(tasks: readonly TaskPlan[]): GroupAssignor {
  return (members) => {
    const ids = members.map((member) => member.memberId).toSorted();
    const assignment = new Map<string, TopicPartition[]>(ids.map((id) => [id, []]));
    tasks.forEach((task, index) => {
      const member = ids[index % ids.length];
      if (member !== undefined) assignment.get(member)?.push(...task.partitions);
    });
    return assignment;
  };
}

/** The tasks whose partitions were assigned. */
export function assignedTasks(
  tasks: readonly TaskPlan[],
  assigned: readonly TopicPartition[],
): readonly TaskPlan[] {
  const names = new Set(assigned.map(({ topic, partition }) => `${topic}-${partition}`));
  return tasks.filter((task) =>
    task.partitions.every(({ topic, partition }) => names.has(`${topic}-${partition}`)),
  );
}
