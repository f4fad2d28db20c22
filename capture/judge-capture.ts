/**
 * Whether captured changes may be missing, from what is seen of the database, its slot and the connector, and
 * what was known before. Pure. A gap is said only of what cannot mend itself; what may is a suspicion.
 *
 *   slot-missing      nothing holds the changes any more (dropped; or a standby without it took over)
 *   slot-lost         the server has thrown away what the slot was to read (max_slot_wal_keep_size)
 *   slot-ahead        the slot begins after what the connector has read: it was dropped and made anew
 *   system-changed    another database system answers
 *   timeline-changed  the same system on another timeline: a standby was promoted, or a backup restored
 *   log-behind        the server's log ends before what was read of it: it was set back
 */
import type { Verdict } from '../connectors/connector-health.ts';
import type { CaptureStanding, DatabaseIdentity, Gap, GapReason } from './capture-standing.ts';

export interface SlotSeen {
  readonly isActive: boolean;
  /** reserved, extended, unreserved or lost. */
  readonly walStatus: string;
  /** What its reader has confirmed; undefined: nothing yet. */
  readonly confirmedLsn: bigint | undefined;
  /** WAL that the server keeps for it, bytes. */
  readonly retainedBytes: number;
}

/** What one look has found. */
export interface CaptureSeen {
  readonly slotName: string;
  /** Undefined: it does not answer. */
  readonly server:
    | undefined
    | (DatabaseIdentity & {
        readonly isStandby: boolean;
        /** End of its log, asked after the rest; undefined on a standby, or not asked. */
        readonly lsn: bigint | undefined;
        /** `max_slot_wal_keep_size` in bytes; undefined: no limit. */
        readonly keptBytesMax: number | undefined;
        /** Undefined: there is none of that name. */
        readonly slot: SlotSeen | undefined;
      });
  /** Last change that Kafka has of the connector, asked after the slot was; undefined: not known. */
  readonly deliveredLsn: bigint | undefined;
  /** What Connect says of the connector and its tasks; undefined: not known. */
  readonly connector: Verdict | undefined;
  /** Of the heartbeat that goes through the log; undefined: not known. */
  readonly heartbeatAgeMs: number | undefined;
}

export type SuspectReason =
  'unreachable' | 'standby' | 'connector-down' | 'silent' | 'slot-filling';

export type CaptureVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'gap'; readonly reason: GapReason; readonly detail: string }
  /** Nothing is known to be missing, but somebody should look. */
  | { readonly kind: 'suspect'; readonly reason: SuspectReason; readonly detail: string }
  /** Capture has not begun. */
  | { readonly kind: 'none' };

/** Two heartbeats and a turn of the connector that tries again. */
const silentAfterMs = 20_000;
/** While somebody reads the slot: a large transaction comes through in one piece, no heartbeat within it. */
const stuckAfterMs = 60_000;
/** Parts of `max_slot_wal_keep_size` at which somebody is told. */
const fillingLevels = [0.8, 0.5];

export function judgeCapture(seen: CaptureSeen, standing: CaptureStanding): CaptureVerdict {
  const { gap } = standing;
  if (gap !== undefined) return { kind: 'gap', reason: gap.reason, detail: gap.detail };
  const { server } = seen;
  if (server === undefined) {
    return suspect(
      'unreachable',
      "the platform's Postgres does not answer (PLATFORM_DATABASE_URL)",
    );
  }
  if (server.isStandby) {
    return suspect('standby', 'PLATFORM_DATABASE_URL is a standby; capture follows a primary');
  }
  const { followed } = standing;
  if (followed === undefined) return server.slot === undefined ? { kind: 'none' } : { kind: 'ok' };
  return (
    foreign(server, followed) ??
    slotGap(seen, server.slot) ??
    doubt(seen, server.slot, server.keptBytesMax) ?? { kind: 'ok' }
  );
}

/** What the slot keeps for capture, as a part of what the server keeps at most; undefined: no limit. */
export function slotFill({ server }: CaptureSeen): number | undefined {
  if (server?.slot === undefined || server.keptBytesMax === undefined) return undefined;
  return server.slot.retainedBytes / server.keptBytesMax;
}

function foreign(server: DatabaseIdentity, followed: DatabaseIdentity): CaptureVerdict | undefined {
  if (server.system !== followed.system) {
    const detail = `the platform's Postgres is another system (${server.system}) than the one followed (${followed.system})`;
    return found('system-changed', detail);
  }
  if (server.timeline !== followed.timeline) {
    const detail = `the platform's Postgres is on timeline ${server.timeline}, timeline ${followed.timeline} was followed: a standby was promoted, or a backup restored`;
    return found('timeline-changed', detail);
  }
  return undefined;
}

function slotGap(
  { slotName, server, deliveredLsn }: CaptureSeen,
  slot: SlotSeen | undefined,
): CaptureVerdict | undefined {
  if (slot === undefined) {
    return found('slot-missing', `the replication slot ${slotName} is gone: nothing holds changes`);
  }
  if (slot.walStatus === 'lost') {
    const detail = `the server has thrown away what the replication slot ${slotName} was to read (max_slot_wal_keep_size)`;
    return found('slot-lost', detail);
  }
  if (deliveredLsn === undefined) return undefined;
  // One that is read confirms what was delivered, and a look at both takes time.
  const isAhead = slot.confirmedLsn !== undefined && slot.confirmedLsn > deliveredLsn;
  if (isAhead && !slot.isActive) {
    const detail = `the replication slot ${slotName} begins after what capture has read: it was dropped and made anew`;
    return found('slot-ahead', detail);
  }
  if (server?.lsn !== undefined && server.lsn < deliveredLsn) {
    const detail = "the log of the platform's Postgres ends before what capture has read of it";
    return found('log-behind', detail);
  }
  return undefined;
}

function doubt(
  { slotName, connector, heartbeatAgeMs }: CaptureSeen,
  slot: SlotSeen | undefined,
  keptBytesMax: number | undefined,
): CaptureVerdict | undefined {
  const fill =
    slot === undefined || keptBytesMax === undefined ? 0 : slot.retainedBytes / keptBytesMax;
  const level = fillingLevels.find((each) => fill >= each);
  if (level !== undefined) {
    const detail = `the replication slot ${slotName} holds more than ${level * 100} % of what the server keeps (max_slot_wal_keep_size): beyond it changes are lost`;
    return suspect('slot-filling', detail);
  }
  return connectorDoubt(connector) ?? silence({ slotName, heartbeatAgeMs }, slot);
}

/** What does not begin again by itself. */
const standingStill: Partial<Record<Verdict, string>> = {
  failed: 'it or its task is FAILED',
  paused: 'somebody has paused or stopped it',
  missing: 'Connect does not know it',
};

function connectorDoubt(connector: Verdict | undefined): CaptureVerdict | undefined {
  const why = connector && standingStill[connector];
  if (why === undefined) return undefined;
  return suspect('connector-down', `the connector captures nothing: ${why}`);
}

function silence(
  { slotName, heartbeatAgeMs = 0 }: Pick<CaptureSeen, 'slotName' | 'heartbeatAgeMs'>,
  slot: SlotSeen | undefined,
): CaptureVerdict | undefined {
  if (slot?.isActive === false && heartbeatAgeMs > silentAfterMs) {
    const detail = `nobody reads the replication slot ${slotName}, and no heartbeat comes`;
    return suspect('silent', detail);
  }
  if (heartbeatAgeMs <= stuckAfterMs) return undefined;
  const detail = `the replication slot ${slotName} is read, and no heartbeat has come for ${stuckAfterMs / 1_000} s: the connector is stuck, or far behind`;
  return suspect('silent', detail);
}

function found(reason: GapReason, detail: Gap['detail']): CaptureVerdict {
  return { kind: 'gap', reason, detail };
}

function suspect(reason: SuspectReason, detail: string): CaptureVerdict {
  return { kind: 'suspect', reason, detail };
}
