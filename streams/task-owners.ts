/**
 * Who runs which task, as the group's leader tells every member: each member says its address when it
 * joins, and the leader what came of dealing the tasks out. Kafka Streams' `application.server`.
 */
import { assignedTasks, type TaskPlan } from './assignor.ts';
import type { GroupMemberInfo, TopicPartition } from './kafka/port.ts';
import { formatTaskId } from './task-id.ts';

/** Tasks by the address of who runs them; an instance without an address is not in it. */
type Announcement = Readonly<Record<string, readonly string[]>>;

export function encodeAddress(address: string | undefined): Buffer {
  return Buffer.from(address ?? '', 'utf8');
}

/** The leader's part: what every member is told. */
export function announceOwners(
  plans: readonly TaskPlan[],
  members: readonly GroupMemberInfo[],
  shares: ReadonlyMap<string, readonly TopicPartition[]>,
): Buffer {
  const owners: Record<string, readonly string[]> = {};
  for (const { memberId, userData } of members) {
    const address = userData.toString('utf8');
    if (address === '') continue;
    const tasks = assignedTasks(plans, shares.get(memberId) ?? []).map(({ id }) =>
      formatTaskId(id),
    );
    owners[address] = [...(owners[address] ?? []), ...tasks];
  }
  return Buffer.from(JSON.stringify(owners satisfies Announcement), 'utf8');
}

/** Address by task; empty when the leader says nothing, or something else. */
export function readOwners(userData: Buffer): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  if (userData.length === 0) return owners;
  for (const [address, tasks] of Object.entries(announcementOf(userData))) {
    for (const task of tasks) owners.set(task, address);
  }
  return owners;
}

function announcementOf(userData: Buffer): Announcement {
  try {
    return JSON.parse(userData.toString('utf8')) as Announcement;
  } catch {
    // A leader of another version; its members find their own tasks all the same.
    return {};
  }
}
