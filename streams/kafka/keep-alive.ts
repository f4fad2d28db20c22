/**
 * Keeps a group's member alive while the thread that owns it is busy. The member tells of its own
 * heartbeats; somebody else sends one in its place when they fail to come (`heartbeat-thread.ts`).
 */
import type { GroupGeneration } from './protocol/transaction-messages.ts';

export interface KeepAlive {
  /** The member has its place in this generation: it may need heartbeats from now on. */
  joined(generation: GroupGeneration): void;
  /** The member sends a heartbeat of its own: its thread lives. */
  beat(): void;
  /** No heartbeats until the next `joined`: a join begins, or the place is given up or lost. */
  left(): void;
}

export interface KeepAliveTimes {
  readonly heartbeatIntervalMs: number;
  /** A thread without a sign of life for so long is let go: the group then gives its share to others. */
  readonly maxPollIntervalMs: number;
}

const nothing = (): void => undefined;
/** The heartbeats end when the thread is busy. */
export const noKeepAlive: KeepAlive = { joined: nothing, beat: nothing, left: nothing };
