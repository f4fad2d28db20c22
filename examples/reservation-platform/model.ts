/**
 * The words of the sample platform: its rows, with the database's own column names so that a row
 * object is what a statement writes, and the actions that change them. A generator or an importer
 * produces actions; `platform.ts` writes them; `expected.ts` recomputes results from them.
 * Instants are milliseconds since 1970 (`atMs`) in actions and ISO-8601 UTC text in rows; dates are
 * YYYY-MM-DD; money is decimal text with two places.
 */

export type LifecycleState =
  | 'RECEIVED'
  | 'PERSISTED'
  | 'IN_PROGRESS'
  | 'PUBLISHED'
  | 'CONSUMED'
  | 'APPLIED'
  | 'FAILED'
  | 'DLQ';

export type ReservationStatus =
  | 'INQUIRY'
  | 'QUOTED'
  | 'PENDING'
  | 'CONFIRMED'
  | 'WAITLISTED'
  | 'CHECKED_IN'
  | 'CHECKED_OUT'
  | 'CANCELLED'
  | 'NO_SHOW'
  | 'EXPIRED';

export type CommandName =
  | 'reservation.create'
  | 'reservation.modify'
  | 'reservation.cancel'
  | 'reservation.check_in'
  | 'reservation.check_out'
  | 'reservation.no_show'
  | 'reservation.assign_room'
  | 'reservation.extend_stay'
  | 'reservation.rate_override'
  | 'reservation.walkin_checkin';

export interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
}

export interface PropertyRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_name: string;
  readonly property_code: string;
  readonly total_rooms: number;
  readonly currency: string;
  /** IANA name, e.g. `Europe/Helsinki`. */
  readonly timezone: string;
}

export interface RoomTypeRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_id: string;
  readonly type_name: string;
  readonly type_code: string;
  readonly base_price: string;
  readonly currency: string;
}

export interface RoomRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_id: string;
  readonly room_type_id: string;
  readonly room_number: string;
}

/** The columns of `reservations` that the platform's commands write. */
export interface ReservationRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_id: string;
  readonly guest_id: string;
  readonly room_type_id: string;
  readonly confirmation_number: string;
  readonly check_in_date: string;
  readonly check_out_date: string;
  readonly booking_date: string;
  readonly actual_check_in: string | null;
  readonly actual_check_out: string | null;
  readonly room_number: string | null;
  readonly number_of_adults: number;
  readonly number_of_children: number;
  readonly room_rate: string;
  readonly total_amount: string;
  readonly paid_amount: string;
  readonly currency: string;
  readonly status: ReservationStatus;
  readonly source: 'DIRECT' | 'WEBSITE' | 'PHONE' | 'WALKIN' | 'OTA' | 'CORPORATE' | 'GROUP';
  readonly reservation_type: 'TRANSIENT' | 'CORPORATE' | 'GROUP' | 'COMPLIMENTARY' | 'DAY_USE';
  readonly guest_name: string;
  readonly guest_email: string;
  readonly internal_notes: string | null;
  readonly cancellation_date: string | null;
  readonly cancellation_reason: string | null;
  readonly cancellation_fee: string | null;
  readonly is_no_show: boolean;
  readonly no_show_date: string | null;
  readonly no_show_fee: string | null;
  readonly quoted_at: string | null;
  readonly quote_expires_at: string | null;
  readonly expired_at: string | null;
}

/** What exists before the first command: the chain and its rooms. */
export interface ChainSetup {
  readonly tenants: readonly TenantRow[];
  readonly properties: readonly PropertyRow[];
  readonly roomTypes: readonly RoomTypeRow[];
  readonly rooms: readonly RoomRow[];
  /** The first open business date of every property. */
  readonly firstBusinessDate: string;
}

/** The stay that a few newer clients of the platform put into a command's metadata. */
export interface StayMetadata {
  readonly property_id: string;
  readonly room_type_id: string;
  readonly room_id?: string;
  readonly check_in: string;
  readonly check_out: string;
  readonly rooms: number;
}

/** One state that a command reaches; a path may skip states, repeat them and go back. */
export interface PathStep {
  readonly state: LifecycleState;
  readonly atMs: number;
}

/** An accepted command. Its row change is written right before the first APPLIED of its path, or never. */
export interface CommandAction {
  readonly kind: 'command';
  readonly atMs: number;
  readonly eventId: string;
  readonly commandName: CommandName;
  readonly path: readonly PathStep[];
  /** The whole reservation as it is once the command is applied. */
  readonly reservation: ReservationRow;
  readonly stay?: StayMetadata;
}

/** A change of `reservations` by one of the paths that write no lifecycle row. */
export interface RowChangeAction {
  readonly kind: 'row-change';
  readonly atMs: number;
  readonly reservation: ReservationRow;
}

/** The night audit's end: `businessDate` is closed and the next one opened. */
export interface AdvanceDateAction {
  readonly kind: 'advance-date';
  readonly atMs: number;
  readonly tenantId: string;
  readonly propertyId: string;
  readonly businessDate: string;
}

export type PlatformAction = CommandAction | RowChangeAction | AdvanceDateAction;

/** True when the command's change took effect, whatever state was written last. */
export function isApplied(action: CommandAction): boolean {
  return action.path.some((step) => step.state === 'APPLIED');
}

/** Commands that insert their reservation; every other one updates it. */
export function createsReservation(commandName: CommandName): boolean {
  return commandName === 'reservation.create' || commandName === 'reservation.walkin_checkin';
}

/** Cents as the decimal text of a money column: 7550 → `75.50`. */
export function moneyText(cents: number): string {
  const sign = cents < 0 ? '-' : '';
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
