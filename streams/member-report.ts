/**
 * What a member tells the group's leader when it joins: where it can be reached, which tasks it runs, and
 * how far its copies of the tasks' states are. The leader deals the tasks out by it (`assignor.ts`).
 */
import type { GroupMemberInfo } from './kafka/port.ts';

export interface MemberReport {
  /** host:port; undefined: it names none. Kafka Streams' `application.server`. */
  readonly address: string | undefined;
  /** The generation in which it was given `active`; -1: none yet. */
  readonly generation: number;
  /** Names of the tasks that it runs. */
  readonly active: readonly string[];
  /** By task: the changelog offset up to which the member has its state, running or not. */
  readonly positions: Readonly<Record<string, number>>;
}

export interface ReportedMember extends MemberReport {
  readonly memberId: string;
  readonly groupInstanceId: string | undefined;
}

export function encodeReport(report: MemberReport): Buffer {
  return Buffer.from(JSON.stringify(report), 'utf8');
}

/** One that says something else, as another version may, is a member that has nothing. */
export function readReport({
  memberId,
  groupInstanceId,
  userData,
}: GroupMemberInfo): ReportedMember {
  const { address, generation, active, positions } = reportOf(userData);
  return {
    ...{ memberId, groupInstanceId },
    address: typeof address === 'string' ? address : undefined,
    generation: typeof generation === 'number' ? generation : -1,
    active: Array.isArray(active) ? active : [],
    positions: typeof positions === 'object' ? positions : {},
  };
}

function reportOf(userData: Buffer): Partial<MemberReport> {
  try {
    return (JSON.parse(userData.toString('utf8')) as Partial<MemberReport> | null) ?? {};
  } catch {
    return {};
  }
}
