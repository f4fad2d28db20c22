/**
 * Run by the group's leader: from what the members report to what each is told. A task brings all its
 * source partitions with it.
 */
import type { GroupAssignor, GroupShare, TopicPartition } from './kafka/port.ts';
import { readReport, type ReportedMember } from './member-report.ts';
import { formatTaskId, type TaskId } from './task-id.ts';
import { encodeAnnouncement } from './task-owners.ts';
import { placeTasks, type MemberTasks, type PlacementRules } from './task-placement.ts';

export interface TaskPlan {
  readonly id: TaskId;
  readonly partitions: readonly TopicPartition[];
  readonly isStateful: boolean;
}

export function stickyAssignor(tasks: readonly TaskPlan[], rules: PlacementRules): GroupAssignor {
  const placed = tasks.map(({ id, isStateful }) => {
    return { name: formatTaskId(id), subTopology: id.subTopology, isStateful };
  });
  const partitions = new Map(tasks.map((task) => [formatTaskId(task.id), task.partitions]));
  return (infos) => {
    const members = infos.map(readReport);
    const placement = placeTasks(placed, members, rules);
    const addressed = members.filter(({ address }) => address !== undefined);
    const owners = byAddress(addressed, placement, ({ active }) => active);
    const standbys = byAddress(addressed, placement, (member) => member.standbys);
    const shareOf = ({ active, standbys: follows, warmsUp }: MemberTasks): GroupShare => ({
      partitions: active.flatMap((task) => partitions.get(task) ?? []),
      userData: encodeAnnouncement({ owners, standbys, follows, warmsUp }),
    });
    return new Map([...placement].map(([memberId, member]) => [memberId, shareOf(member)]));
  };
}

function byAddress(
  members: readonly ReportedMember[],
  placement: ReadonlyMap<string, MemberTasks>,
  tasksOf: (member: MemberTasks) => readonly string[],
): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  for (const { memberId, address = '' } of members) {
    const member = placement.get(memberId);
    if (member !== undefined) found[address] = [...(found[address] ?? []), ...tasksOf(member)];
  }
  return found;
}

/** The tasks whose partitions were assigned. */
export function assignedTasks<Plan extends TaskPlan>(
  tasks: readonly Plan[],
  assigned: readonly TopicPartition[],
): readonly Plan[] {
  const names = new Set(assigned.map(({ topic, partition }) => `${topic}-${partition}`));
  return tasks.filter((task) =>
    task.partitions.every(({ topic, partition }) => names.has(`${topic}-${partition}`)),
  );
}
