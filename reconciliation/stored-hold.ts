/** A row of `inventory_locks_shadow`, as it is compared: what its last event said of the hold. */
import type { Row } from '../database/connection.ts';
import { floorMs, parseInstantMicros } from '../topology/calendar/instant.ts';
import { platformReason } from '../topology/guard/decide-platform.ts';
import type { LockStatus } from '../topology/guard/lock.ts';
import type { HoldFact } from '../topology/guard/reservations/hold-fact.ts';

export interface StoredHold {
  readonly lockId: string;
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string | undefined;
  readonly roomTypeId: string;
  readonly slot: string;
  readonly iteration: number;
  readonly version: number;
  readonly status: LockStatus;
  readonly isPlatforms: boolean;
  /** The dates that it counts on, as the guard said. */
  readonly nights: readonly string[];
  readonly own: HeldPart;
  /** Held too, while a change of a confirmed hold is tentative. */
  readonly confirmed: HeldPart | undefined;
  readonly grantedAtMs: number;
  /** Of its last event. */
  readonly decidedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly releaseReason: string | undefined;
}

export interface HeldPart {
  /** Undefined: any room of the type. */
  readonly roomId: string | undefined;
  readonly stayStartMs: number;
  readonly stayEndMs: number;
}

export const holdColumns = [
  ...['id', 'tenant_id', 'reservation_id', 'property_id', 'room_type_id', 'room_id', 'slot'],
  ...['iteration', 'version', 'status', 'reason', 'metadata', 'stay_start', 'stay_end'],
  ...['confirmed_room_id', 'confirmed_stay_start', 'confirmed_stay_end', 'created_at'],
  ...['decided_at', 'released_at', 'release_reason'],
];

const statuses: Readonly<Record<string, LockStatus>> = {
  ACTIVE: 'TENTATIVE',
  CONFIRMED: 'CONFIRMED',
  RELEASED: 'RELEASED',
  EXPIRED: 'EXPIRED',
};

export function storedHoldOf(row: Row): StoredHold {
  const confirmedStart = millis(row['confirmed_stay_start']);
  return {
    lockId: text(row['id']),
    tenantId: text(row['tenant_id']),
    reservationId: text(row['reservation_id']),
    propertyId: optional(row['property_id']),
    roomTypeId: text(row['room_type_id']),
    slot: text(row['slot']),
    iteration: Number(row['iteration']),
    version: Number(row['version']),
    status: statuses[text(row['status'])] ?? 'RELEASED',
    isPlatforms: row['reason'] === platformReason,
    nights: nightsIn(row['metadata']),
    own: {
      roomId: optional(row['room_id']),
      stayStartMs: millis(row['stay_start']) ?? 0,
      stayEndMs: millis(row['stay_end']) ?? 0,
    },
    confirmed:
      confirmedStart === undefined
        ? undefined
        : {
            roomId: optional(row['confirmed_room_id']),
            stayStartMs: confirmedStart,
            stayEndMs: millis(row['confirmed_stay_end']) ?? confirmedStart,
          },
    grantedAtMs: millis(row['created_at']) ?? 0,
    decidedAtMs: millis(row['decided_at']) ?? 0,
    endedAtMs: millis(row['released_at']),
    releaseReason: optional(row['release_reason']),
  };
}

export function isLiveHold({ status }: StoredHold): boolean {
  return status === 'TENTATIVE' || status === 'CONFIRMED';
}

/** As the guard's partitions tell it to the reservation; what the table does not say is what it mostly is. */
export function factOfHold(hold: StoredHold): HoldFact {
  const { tenantId, reservationId, lockId, roomTypeId, slot, iteration, status, version } = hold;
  return {
    kind: 'hold',
    ...{ tenantId, reservationId, lockId, roomTypeId, slot, iteration, status, version },
    nights: hold.nights,
    isConfirmed: status === 'CONFIRMED' || hold.confirmed !== undefined,
    grantedAtMs: hold.grantedAtMs,
    changedAtMs: hold.decidedAtMs,
    endedAtMs: hold.endedAtMs,
    releaseReason: hold.releaseReason,
    isPlatforms: hold.isPlatforms,
    followsRow: hold.isPlatforms,
  };
}

function nightsIn(metadata: unknown): readonly string[] {
  const { nights } = parsed(metadata) as { readonly nights?: unknown };
  if (!Array.isArray(nights)) return [];
  return nights.map((night: unknown) =>
    String((night as { readonly date?: unknown } | null)?.date),
  );
}

function parsed(json: unknown): object {
  const value: unknown = typeof json === 'string' ? JSON.parse(json) : json;
  return typeof value === 'object' && value !== null ? value : {};
}

function millis(value: unknown): number | undefined {
  const micros = typeof value === 'string' ? parseInstantMicros(value) : undefined;
  return micros === undefined ? undefined : floorMs(micros);
}

function optional(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : text(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}
