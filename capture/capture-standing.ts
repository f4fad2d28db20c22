/**
 * What is known for good of the capture of the platform's tables: whom it follows, whether something was
 * lost on the way, and which reading of the tables is the current one. It is the fold of a few events, which
 * `capture-log.ts` keeps: the same events in the same order mean the same to whoever reads them, so any
 * number of instances may write what they see.
 */
import { firstEpoch } from '../schemas/capture-epoch.ts';

/** Why rows may be missing. `recovery`: a reading of all tables was begun and is not known to be over. */
export const gapReasons = [
  'slot-missing',
  'slot-lost',
  'slot-ahead',
  'system-changed',
  'timeline-changed',
  'log-behind',
  'recovery',
] as const;
export type GapReason = (typeof gapReasons)[number];

/** Which server is followed: LSNs of another one, or of another timeline, say nothing here. */
export interface DatabaseIdentity {
  /** Postgres's system identifier, decimal digits. */
  readonly system: string;
  readonly timeline: number;
}

export interface Gap {
  readonly reason: GapReason;
  /** A sentence for the person who has to close it. */
  readonly detail: string;
  /** When it was seen first. */
  readonly atMs: number;
}

export type CaptureEvent =
  | ({
      readonly type: 'following';
      readonly epoch: number;
      readonly atMs: number;
    } & DatabaseIdentity)
  | ({ readonly type: 'gap'; readonly epoch: number } & Gap)
  /** A new reading begins, under a new epoch. */
  | { readonly type: 'recovering'; readonly epoch: number; readonly atMs: number }
  | ({
      readonly type: 'recovered';
      readonly epoch: number;
      readonly atMs: number;
    } & DatabaseIdentity);

export interface CaptureStanding {
  /** Of the last reading that is complete. */
  readonly epoch: number;
  /** The highest that was ever given to a reading. */
  readonly lastEpoch: number;
  /** Undefined: capture was never seen. */
  readonly followed: DatabaseIdentity | undefined;
  /** Undefined: nothing is missing. It stays until a reading is complete, whatever is seen meanwhile. */
  readonly gap: Gap | undefined;
}

export const unknownStanding: CaptureStanding = {
  ...{ epoch: firstEpoch, lastEpoch: firstEpoch },
  ...{ followed: undefined, gap: undefined },
};

/** The standing after one more event; the same object when it says nothing new. */
export function withEvent(standing: CaptureStanding, event: CaptureEvent): CaptureStanding {
  switch (event.type) {
    case 'following': {
      if (event.epoch !== standing.epoch || standing.followed !== undefined) return standing;
      return { ...standing, followed: identityOf(event) };
    }
    case 'gap': {
      // What was seen before a reading that is complete by now is closed by it.
      if (event.epoch !== standing.epoch || standing.gap !== undefined) return standing;
      const { reason, detail, atMs } = event;
      return { ...standing, gap: { reason, detail, atMs } };
    }
    case 'recovering': {
      if (event.epoch <= standing.lastEpoch) return standing;
      const detail = 'a reading of all tables has begun';
      const gap = standing.gap ?? { reason: 'recovery', detail, atMs: event.atMs };
      return { ...standing, lastEpoch: event.epoch, gap };
    }
    case 'recovered': {
      // One that another has overtaken closes nothing.
      if (event.epoch !== standing.lastEpoch || event.epoch === standing.epoch) return standing;
      return { ...standing, epoch: event.epoch, followed: identityOf(event), gap: undefined };
    }
  }
}

function identityOf({ system, timeline }: DatabaseIdentity): DatabaseIdentity {
  return { system, timeline };
}
