/**
 * Where each task runs, who follows it, and who warms up for it. A pure function of what the members
 * report, the same whoever computes it.
 *
 * - Balanced: each sub-topology's tasks over the members to within one, and all tasks to within one.
 * - Sticky: whoever runs a task keeps it as long as the balance allows; next comes whoever is furthest
 *   with its state.
 * - A task with state moves only to a member that has caught up with it (`acceptableRecoveryLag`). Until
 *   then it stays where it runs, and the member it is meant for warms up, a few at a time.
 *
 * The rules are Kafka Streams' (KIP-441). The lag is not asked of the broker: it is what a copy is behind
 * the furthest one reported, and the owner's is the whole changelog.
 */
import type { ReportedMember } from './member-report.ts';

export interface PlacedTask {
  readonly name: string;
  readonly subTopology: string;
  readonly isStateful: boolean;
}

export interface PlacementRules {
  readonly numStandbyReplicas: number;
  /** Offsets that a copy may be behind and still be taken over at once. */
  readonly acceptableRecoveryLag: number;
  /** Tasks that warm up at a time, in the whole group. */
  readonly maxWarmupReplicas: number;
}

/** Of one member; names of tasks. */
export interface MemberTasks {
  readonly active: string[];
  readonly standbys: string[];
  readonly warmsUp: string[];
}

/** By member id. */
export type Placement = ReadonlyMap<string, MemberTasks>;

export function placeTasks(
  tasks: readonly PlacedTask[],
  members: readonly ReportedMember[],
  rules: PlacementRules,
): Placement {
  const group = new Group(members);
  const placement = new Map<string, MemberTasks>(
    group.ids.map((id) => [id, { active: [], standbys: [], warmsUp: [] }]),
  );
  if (group.ids.length === 0) return placement;
  const targets = balance(tasks, group);
  let warmUps = 0;
  for (const task of tasks) {
    const target = targets.get(task.name) ?? '';
    const keeper = keeperOf(task, target, { group, rules });
    const active = keeper ?? target;
    placement.get(active)?.active.push(task.name);
    const warms = active !== target && warmUps < rules.maxWarmupReplicas;
    if (warms) warmUps += 1;
    if (warms) placement.get(target)?.warmsUp.push(task.name);
  }
  placeStandbys(tasks, { group, rules, placement });
  return placement;
}

/** What the members report, looked up by task. */
class Group {
  /** In an order that a restart does not change. */
  readonly ids: readonly string[];
  readonly #positions: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly #owners = new Map<string, ReportedMember>();

  constructor(members: readonly ReportedMember[]) {
    const nameOf = ({ groupInstanceId, memberId }: ReportedMember): string =>
      `${groupInstanceId ?? ''} ${memberId}`;
    const ordered = members.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
    this.ids = ordered.map(({ memberId }) => memberId);
    this.#positions = new Map(ordered.map(({ memberId, positions }) => [memberId, positions]));
    for (const member of ordered) {
      for (const task of member.active) {
        // Of two that say so, one was away when the group gave it to the other.
        const other = this.#owners.get(task);
        if (other === undefined || other.generation < member.generation)
          this.#owners.set(task, member);
      }
    }
  }

  ownerOf(task: string): string | undefined {
    return this.#owners.get(task)?.memberId;
  }

  /** Changelog offset; -1: it has nothing of it. */
  positionOf(id: string, task: string): number {
    return this.#positions.get(id)?.[task] ?? -1;
  }

  /** Who is furthest with the task's state. */
  furthest(task: string): string | undefined {
    let best: string | undefined;
    for (const id of this.ids) {
      const least = best === undefined ? -1 : this.positionOf(best, task);
      if (this.positionOf(id, task) > least) best = id;
    }
    return best;
  }

  /** Offsets that a member's copy is behind the furthest one. */
  lagOf(id: string, task: string): number {
    const best = this.furthest(task);
    if (best === undefined) return 0;
    return this.positionOf(best, task) - Math.max(0, this.positionOf(id, task));
  }
}

/** Which member each task is meant for. */
function balance(tasks: readonly PlacedTask[], group: Group): ReadonlyMap<string, string> {
  const targets = new Map<string, string>();
  const loads = new Map(group.ids.map((id) => [id, 0]));
  for (const names of bySubTopology(tasks)) {
    const room = roomFor(names, loads, group);
    const give = (task: string, id: string): void => {
      targets.set(task, id);
      room.set(id, (room.get(id) ?? 0) - 1);
      loads.set(id, (loads.get(id) ?? 0) + 1);
    };
    const hasRoom = (id: string | undefined): id is string => (room.get(id ?? '') ?? 0) > 0;
    for (const task of names) {
      const owner = group.ownerOf(task);
      if (hasRoom(owner)) give(task, owner);
    }
    const copies = names
      .flatMap((task) => group.ids.map((id) => ({ task, id, at: group.positionOf(id, task) })))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => other.at - one.at);
    for (const { task, id } of copies) if (!targets.has(task) && hasRoom(id)) give(task, id);
    for (const task of names) {
      if (targets.has(task)) continue;
      const id = group.ids.find(hasRoom);
      if (id !== undefined) give(task, id);
    }
  }
  return targets;
}

function bySubTopology(tasks: readonly PlacedTask[]): readonly (readonly string[])[] {
  const names = new Map<string, string[]>();
  for (const { subTopology, name } of tasks) {
    names.set(subTopology, [...(names.get(subTopology) ?? []), name]);
  }
  return [...names.values()];
}

/** Each member's share of one sub-topology: the odd ones go where least is, then where most of it is already. */
function roomFor(
  tasks: readonly string[],
  loads: ReadonlyMap<string, number>,
  group: Group,
): Map<string, number> {
  const { ids } = group;
  const owned = new Map<string, number>();
  for (const task of tasks) {
    const owner = group.ownerOf(task);
    if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  }
  const least = Math.floor(tasks.length / ids.length);
  const odd = tasks.length % ids.length;
  const ranked = ids.toSorted(
    (one, other) =>
      (loads.get(one) ?? 0) - (loads.get(other) ?? 0) ||
      (owned.get(other) ?? 0) - (owned.get(one) ?? 0),
  );
  return new Map(ranked.map((id, index) => [id, index < odd ? least + 1 : least]));
}

interface Placing {
  readonly group: Group;
  readonly rules: PlacementRules;
}

/** Who runs a task until the member it is meant for has caught up; undefined: it has. */
function keeperOf(
  { name, isStateful }: PlacedTask,
  target: string,
  { group, rules }: Placing,
): string | undefined {
  const owner = group.ownerOf(name);
  if (!isStateful || owner === target) return undefined;
  if (group.lagOf(target, name) <= rules.acceptableRecoveryLag) return undefined;
  return owner ?? group.furthest(name);
}

/**
 * Followers, none with more than its part of them: those of one member's tasks are spread over the others,
 * which will share them when it goes; then whoever has most of the state.
 */
function placeStandbys(
  tasks: readonly PlacedTask[],
  { group, rules, placement }: Placing & { readonly placement: Placement },
): void {
  const stateful = tasks.filter(({ isStateful }) => isStateful);
  const replicas = Math.min(rules.numStandbyReplicas, group.ids.length - 1);
  const part = Math.ceil((stateful.length * replicas) / group.ids.length);
  const load = (id: string): number => placement.get(id)?.standbys.length ?? 0;
  const runners = new Map(
    [...placement].flatMap(([id, { active }]) => active.map((task) => [task, id] as const)),
  );
  const followers = new Map<string, number>();
  for (const { name, subTopology } of stateful) {
    const after = (id: string): string => `${id} ${runners.get(name) ?? ''} ${subTopology}`;
    for (let replica = 0; replica < replicas; replica += 1) {
      const free = group.ids.filter((id) => !hasTask(placement.get(id), name));
      const candidates = free.toSorted(
        (one, other) =>
          Number(load(one) >= part) - Number(load(other) >= part) ||
          (followers.get(after(one)) ?? 0) - (followers.get(after(other)) ?? 0) ||
          group.positionOf(other, name) - group.positionOf(one, name) ||
          load(one) - load(other),
      );
      const [chosen = ''] = candidates;
      placement.get(chosen)?.standbys.push(name);
      followers.set(after(chosen), (followers.get(after(chosen)) ?? 0) + 1);
    }
  }
}

function hasTask(tasks: MemberTasks | undefined, name: string): boolean {
  if (tasks === undefined) return true;
  return [tasks.active, tasks.standbys, tasks.warmsUp].some((names) => names.includes(name));
}
