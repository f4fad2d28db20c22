/**
 * What the guard is asked, its shape already checked by the front it came through (types, lengths,
 * required fields); whether it can be granted is for `decide`.
 */

interface FromCaller {
  readonly tenantId: string;
  readonly reason: string;
  /** Who asks: an API client, a command's initiator, the guard itself. */
  readonly actor: string;
  readonly correlationId: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface LockCommand extends FromCaller {
  readonly kind: 'lock';
  readonly reservationId: string | undefined;
  readonly roomTypeId: string;
  /** Undefined: any room of the type. */
  readonly roomId: string | undefined;
  /** Undefined: taken from the captured rooms. */
  readonly propertyId: string | undefined;
  /** ISO 8601: a date (check-in or check-out time of the property), or a time; without a zone it is UTC. */
  readonly stayStart: string;
  readonly stayEnd: string;
  readonly idempotencyKey: string | undefined;
  readonly ttlSeconds: number | undefined;
  /** Change only if this is the current version of the slot's lock. */
  readonly version: number | undefined;
}

/** A release by a person, who has to say who they are. */
export interface ManualRelease {
  readonly actor: {
    readonly id: string;
    readonly name: string;
    readonly email: string | undefined;
    /** Of the token that they showed: its holder answers for what they say of themselves. */
    readonly tokenId: string;
  };
  /** Who is to be told of it; none: nobody. */
  readonly recipients: readonly string[];
}

export interface ReleaseCommand extends FromCaller {
  readonly kind: 'release';
  readonly lockId: string;
  /** When given, the lock must be this reservation's. */
  readonly reservationId: string | undefined;
  /** Release only if this is the lock's current version. */
  readonly version: number | undefined;
  readonly manual?: ManualRelease;
}

/** Exactly one of lockIds, reservation(s), roomId and roomTypeId says which; those of this partition are meant. */
export interface BulkReleaseCommand extends FromCaller {
  readonly kind: 'bulk-release';
  readonly lockIds: readonly string[] | undefined;
  readonly reservationId: string | undefined;
  readonly reservationIds?: readonly string[];
  readonly roomId: string | undefined;
  readonly roomTypeId: string | undefined;
  /** For a room or a type: holds whose stay overlaps fromMs ≤ t < toMs. Undefined: every live hold. */
  readonly window: { readonly fromMs: number; readonly toMs: number } | undefined;
}

/** Ends the tentative holds whose time is over, oldest first. */
export interface ExpireCommand {
  readonly kind: 'expire';
  /** At most this many in one decision. */
  readonly limit: number;
}

export type GuardCommand = LockCommand | ReleaseCommand | BulkReleaseCommand | ExpireCommand;
