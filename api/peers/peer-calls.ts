/** What instances ask of each other, and the port that carries it. */

export interface PeerCall {
  readonly applicationId: string;
  readonly subTopology: string;
  readonly partition: number;
  /** As JSON says it: what is undefined is left out. */
  readonly request: unknown;
}

export interface PeerCallOptions {
  /** By the clock's `nowMs`. */
  readonly deadlineMs: number;
  /** True: when no answer comes, it may have been done all the same. */
  readonly isWrite: boolean;
}

export interface PeerCalls {
  /**
   * Asks the instance at this address (host:port).
   * @throws what it answered with; NOT_READY when it cannot be reached, DEADLINE_EXCEEDED when it did not
   * answer in time, OUTCOME_UNKNOWN for both if it is a write.
   */
  call(address: string, call: PeerCall, options: PeerCallOptions): Promise<unknown>;
  close(): void;
}

/** Answers a peer's call by a task of this instance; never asks on. */
export type PeerHandler = (
  call: PeerCall,
  options: { readonly deadlineMs: number; readonly isGone: () => boolean },
) => Promise<unknown>;
