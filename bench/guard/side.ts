/** What is measured: something that grants rooms, and what it spends doing so. */

/** A wish for a room, or any room of a type, for some nights. Ids are UUIDs. */
export interface Wish {
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** Undefined: any room of the type. */
  readonly roomId: string | undefined;
  /** Days after the bench's first date. */
  readonly night: number;
  readonly nights: number;
  /** The caller's own; another for every wish. */
  readonly key: string;
}

export type Outcome = 'LOCKED' | 'CONFLICT' | 'ERROR';

export interface Side {
  readonly name: string;
  ask(wish: Wish): Promise<Outcome>;
  /** Process ids by part, for its CPU. */
  readonly pids: ReadonlyMap<string, number>;
  /** Rooms that two have at once; undefined: it keeps nothing. */
  doubleBookings(): Promise<number | undefined>;
  close(): Promise<void>;
}

const dayMs = 86_400_000;
const firstDayMs = Date.UTC(2031, 0, 1);

export function dateOf(night: number): string {
  return new Date(firstDayMs + night * dayMs).toISOString().slice(0, 10);
}
