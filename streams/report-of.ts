/** What this instance tells the group when it joins. */
import type { MemberReport } from './member-report.ts';
import type { Membership } from './membership.ts';
import type { StandbyTasks } from './standby-tasks.ts';
import type { TaskManager } from './task-manager.ts';

export interface Reporting {
  readonly tasks: TaskManager;
  readonly standbys: StandbyTasks;
  readonly membership: Membership;
  readonly address: string | undefined;
}

export function reportOf({ tasks, standbys, membership, address }: Reporting): MemberReport {
  const active = [...tasks.tasks];
  const positions = active.flatMap(({ name, position }) =>
    position === undefined ? [] : [[name, position] as const],
  );
  return {
    ...{ address, generation: membership.generationId },
    active: active.map(({ name }) => name),
    positions: { ...standbys.positions(), ...Object.fromEntries(positions) },
  };
}
