/**
 * What the group's leader tells each member with its share: who runs which task and who follows it, by
 * address (Kafka Streams' `application.server`), and which tasks the member itself is to follow.
 */

/** Tasks by the address of whoever has them; an instance without an address is not in it. */
type ByAddress = Readonly<Record<string, readonly string[]>>;

export interface Announcement {
  readonly owners: ByAddress;
  readonly standbys: ByAddress;
  /** The member's own: tasks whose state it follows … */
  readonly follows: readonly string[];
  /** … and those that it follows in order to run them once it has caught up. */
  readonly warmsUp: readonly string[];
}

/** The same, to be asked by task. */
export interface TaskOwners {
  readonly owners: ReadonlyMap<string, string>;
  readonly standbys: ReadonlyMap<string, readonly string[]>;
  readonly follows: readonly string[];
  readonly warmsUp: readonly string[];
}

export const noOwners: TaskOwners = {
  owners: new Map(),
  standbys: new Map(),
  follows: [],
  warmsUp: [],
};

export function encodeAnnouncement(announcement: Announcement): Buffer {
  return Buffer.from(JSON.stringify(announcement), 'utf8');
}

/** Nothing when the leader says nothing, or something else. */
export function readAnnouncement(userData: Buffer): TaskOwners {
  if (userData.length === 0) return noOwners;
  const { owners = {}, standbys = {}, follows = [], warmsUp = [] } = announcementOf(userData);
  const byTask = new Map<string, string>();
  for (const [address, tasks] of Object.entries(owners)) {
    for (const task of tasks) byTask.set(task, address);
  }
  const followers = new Map<string, string[]>();
  for (const [address, tasks] of Object.entries(standbys)) {
    for (const task of tasks) followers.set(task, [...(followers.get(task) ?? []), address]);
  }
  return { owners: byTask, standbys: followers, follows, warmsUp };
}

function announcementOf(userData: Buffer): Partial<Announcement> {
  try {
    return JSON.parse(userData.toString('utf8')) as Partial<Announcement>;
  } catch {
    // A leader of another version; its members find their own tasks all the same.
    return {};
  }
}
