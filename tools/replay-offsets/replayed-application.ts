/**
 * What a replay has to know of the application that it is of. The frame (`replay-offsets.ts`) refuses,
 * fences, notes and resets; what is read again, how, and what is held back is the application's own.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { TaskHash } from '../../streams/replay-mark.ts';
import type { Topology } from '../../streams/topology-builder.ts';

export interface ReplayedApplication {
  /** As the option names it, without a suffix: `roll-service`. */
  readonly name: string;
  readonly applicationId: string;
  /** As the service runs it: whose tasks are fenced, which sources have positions. */
  readonly topology: Topology;
  /** Topics that a reset moves: what comes from outside, and what is written down once. */
  readonly inputs: readonly string[];
  /** Topics of its own that only a full reset reads again: they are kept, and not written a second time. */
  readonly keptLogs: readonly string[];
  /** Kept logs that it makes and does not read itself: no position of its group says how far it has made them. */
  readonly unread?: readonly string[];
  /** Topics that a full reset deletes and makes anew: between sub-topologies, and changelogs. */
  readonly cleared: readonly string[];
  /** Its events. */
  readonly outputTopic: string;
  /** What a replay writes, in words; undefined: of the events what differs. */
  readonly emits?: string;
  /**
   * Before a full reset changes anything, its tasks fenced.
   * @throws PRECONDITION_FAILED when state could not be derived anew.
   */
  readonly check?: (parts: ReplayParts) => Promise<void>;
  /** The content of each task's stores, as its changelog says. */
  hashes(parts: ReplayParts): Promise<readonly TaskHash[]>;
  /**
   * What a side is compared with, while this one may go on. Undefined: what the stores hold when the side
   * has come to its end.
   */
  readonly moment?: (parts: ReplayParts) => Promise<Moment>;
  /**
   * With the positions reset, and in a full reset everything cleared: until the old positions are passed
   * and every difference is written. Killed at any point it is begun again.
   * @throws DIFFERENCE_FOUND when what came out does not agree with itself.
   */
  run(replay: ReplayRun): Promise<ReplayOutcome>;
}

/** How far an application was, and what its tasks held then. */
export interface Moment {
  /** By `topic-partition`, of inputs and kept logs; what is not named nobody has read. */
  readonly positions: ReadonlyMap<string, number>;
  readonly hashes: readonly TaskHash[];
}

export interface ReplayParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface ReplayRun extends ReplayParts {
  readonly replayId: string;
  readonly isFull: boolean;
  /** By `topic-partition`, of inputs and kept logs: nothing is read from here on. */
  readonly bounds: ReadonlyMap<string, number>;
  /** Undefined: state is kept in memory. */
  readonly stateDir: string | undefined;
}

export interface ReplayOutcome {
  /** Differences written to outputs. */
  readonly emitted: number;
  /** For whoever looks: what is not as it should be and changes nothing. */
  readonly notes: readonly string[];
}
