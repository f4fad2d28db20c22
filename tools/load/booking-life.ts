/**
 * One booking of the CSV as a life on the platform: when each command is issued and what the
 * reservation looks like once it is applied. Pure, and computed from the booking alone, so the same
 * file gives the same ids, times and rows in every run.
 *
 *   08h create · 09h modify… · 10h day-use check-in · 10:30 cancel · 11h check-out · 15h check-in ·
 *   16h a check-out recorded on the arrival date · 17h day-use check-out · 23h no-show  (local time)
 */
import { addDays, daysBetween, instantOf } from '../../examples/reservation-platform/local-time.ts';
import type {
  CommandAction,
  CommandName,
  PathStep,
  PropertyRow,
  ReservationRow,
} from '../../examples/reservation-platform/model.ts';
import { moneyText } from '../../examples/reservation-platform/model.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import type { Booking } from './bookings-csv.ts';

/** The namespace of every id that a load makes. */
export const loadNamespace = '5f0c1c1e-6f0b-5a53-9d0e-2a2f4b7f3d11';

export interface LifeEvent {
  /** The property-local date on which the command is issued. */
  readonly date: string;
  readonly minuteOfDay: number;
  readonly command: LifeCommand;
  /** 1-based among the booking's modifications; 0 for every other command. */
  readonly ordinal: number;
}

type LifeCommand = Extract<
  CommandName,
  | 'reservation.create'
  | 'reservation.modify'
  | 'reservation.cancel'
  | 'reservation.no_show'
  | 'reservation.check_in'
  | 'reservation.check_out'
>;

export interface LifeContext {
  readonly booking: Booking;
  readonly property: PropertyRow;
  /** The room a checked-in guest gets. */
  readonly roomNumber: string | null;
}

const hour = 60;
const regularCheckIn = 15 * hour;
const regularCheckOut = 11 * hour;
const dayUseCheckIn = 10 * hour;
const dayUseCheckOut = 17 * hour;

/** How long the platform's services take from one state to the next. */
const stateStepMs = 180;

/** The commands of a booking in the order of their times. */
export function lifeOf(booking: Booking): LifeEvent[] {
  const { arrivalDate, outcome, outcomeDate } = booking;
  // A status dated before the booking (nothing forbids it in the file) pulls the booking forward.
  const bookedDate = earliest(addDays(arrivalDate, -booking.leadDays), arrivalDate, outcomeDate);
  const events = [event('reservation.create', bookedDate, 8 * hour)];
  const changesEnd = earliest(arrivalDate, outcomeDate);
  const span = daysBetween(bookedDate, changesEnd);
  for (let ordinal = 1; ordinal <= booking.changes; ordinal += 1) {
    const share = ordinal / (booking.changes + 1);
    const date = addDays(bookedDate, Math.floor(span * share));
    const minuteOfDay = 9 * hour + Math.floor(hour * share);
    events.push({ ...event('reservation.modify', date, minuteOfDay), ordinal });
  }
  if (outcome === 'Canceled') {
    events.push(event('reservation.cancel', outcomeDate, 10 * hour + 30));
  } else if (outcome === 'No-Show') {
    events.push(event('reservation.no_show', outcomeDate, 23 * hour));
  } else {
    // Nobody leaves before arriving: a check-out dated earlier is recorded on the arrival date.
    const recordedDate = arrivalDate > outcomeDate ? arrivalDate : outcomeDate;
    events.push(event('reservation.check_in', arrivalDate, checkInMinute(booking)));
    events.push(event('reservation.check_out', recordedDate, recordedMinute(booking)));
  }
  return events;
}

/** From check-in to check-out as the guest experiences it, as instants. */
export function stayOf(booking: Booking, timezone: string): { startMs: number; endMs: number } {
  const departureDate = addDays(booking.arrivalDate, booking.nights);
  const departureMinute = booking.nights === 0 ? dayUseCheckOut : regularCheckOut;
  return {
    startMs: instantOf(booking.arrivalDate, checkInMinute(booking), timezone),
    endMs: instantOf(departureDate, departureMinute, timezone),
  };
}

export function toCommand(context: LifeContext, lifeEvent: LifeEvent): CommandAction {
  const { booking, property } = context;
  // Seconds that differ by row, so that a busy day's commands do not all fall on one instant.
  const offsetMs = (booking.rowNumber % 50) * 1000;
  const atMs = instantOf(lifeEvent.date, lifeEvent.minuteOfDay, property.timezone) + offsetMs;
  const reservation = reservationAfter(context, lifeEvent, atMs);
  return {
    kind: 'command',
    atMs,
    eventId: uuidV5(reservation.id, `${lifeEvent.command}:${lifeEvent.ordinal}`),
    commandName: lifeEvent.command,
    path: healthyPath(atMs),
    reservation,
  };
}

export function roomTypeId(propertyId: string, typeCode: string): string {
  return uuidV5(propertyId, `room-type:${typeCode}`);
}

function event(command: LifeCommand, date: string, minuteOfDay: number): LifeEvent {
  return { command, date, minuteOfDay, ordinal: 0 };
}

function checkInMinute(booking: Booking): number {
  return booking.nights === 0 ? dayUseCheckIn : regularCheckIn;
}

function recordedMinute(booking: Booking): number {
  if (booking.outcomeDate > booking.arrivalDate) return regularCheckOut;
  return booking.nights === 0 ? dayUseCheckOut : regularCheckIn + hour;
}

function healthyPath(atMs: number): PathStep[] {
  const states = ['IN_PROGRESS', 'PUBLISHED', 'CONSUMED', 'APPLIED'] as const;
  return states.map((state, index) => ({ state, atMs: atMs + (index + 1) * stateStepMs }));
}

function reservationAfter(
  context: LifeContext,
  lifeEvent: LifeEvent,
  atMs: number,
): ReservationRow {
  const { booking, property, roomNumber } = context;
  const booked = bookedReservation(booking, property);
  const noted = { ...booked, internal_notes: changesNote(booking, booking.changes) };
  const stay = stayOf(booking, property.timezone);
  const checkedIn = {
    ...noted,
    room_type_id: roomTypeId(property.id, booking.assignedRoomType),
    room_number: roomNumber,
    actual_check_in: new Date(stay.startMs).toISOString(),
    status: 'CHECKED_IN' as const,
  };
  const at = new Date(atMs).toISOString();
  switch (lifeEvent.command) {
    case 'reservation.create':
      return booked;
    case 'reservation.modify':
      return { ...booked, internal_notes: changesNote(booking, lifeEvent.ordinal) };
    case 'reservation.cancel':
      return { ...noted, status: 'CANCELLED', cancellation_date: at, cancellation_fee: '0.00' };
    case 'reservation.no_show':
      return {
        ...noted,
        status: 'NO_SHOW',
        is_no_show: true,
        no_show_date: at,
        no_show_fee: '0.00',
      };
    case 'reservation.check_in':
      return checkedIn;
    case 'reservation.check_out':
      return {
        ...checkedIn,
        status: 'CHECKED_OUT',
        actual_check_out: new Date(stay.endMs).toISOString(),
        paid_amount: booked.total_amount,
      };
  }
}

function bookedReservation(booking: Booking, property: PropertyRow): ReservationRow {
  const id = uuidV5(loadNamespace, `reservation|${booking.hotel}|${booking.rowNumber}`);
  const bookedDate = earliest(addDays(booking.arrivalDate, -booking.leadDays), booking.outcomeDate);
  return {
    id,
    tenant_id: property.tenant_id,
    property_id: property.id,
    guest_id: uuidV5(id, 'guest'),
    room_type_id: roomTypeId(property.id, booking.reservedRoomType),
    confirmation_number: `${property.property_code}-${booking.rowNumber}`,
    check_in_date: booking.arrivalDate,
    check_out_date: addDays(booking.arrivalDate, booking.nights),
    booking_date: `${bookedDate}T00:00:00Z`,
    actual_check_in: null,
    actual_check_out: null,
    room_number: null,
    number_of_adults: Math.max(1, booking.adults),
    number_of_children: booking.children,
    room_rate: moneyText(booking.rateCents),
    total_amount: moneyText(booking.rateCents * Math.max(1, booking.nights)),
    paid_amount: '0.00',
    currency: property.currency,
    status: 'CONFIRMED',
    ...channelOf(booking),
    guest_name: `Guest ${booking.rowNumber}`,
    guest_email: `guest-${booking.rowNumber}@example.com`,
    internal_notes: null,
    cancellation_date: null,
    cancellation_reason: null,
    cancellation_fee: null,
    is_no_show: false,
    no_show_date: null,
    no_show_fee: null,
    quoted_at: null,
    quote_expires_at: null,
    expired_at: null,
  };
}

function channelOf(booking: Booking): Pick<ReservationRow, 'source' | 'reservation_type'> {
  const type = booking.nights === 0 ? 'DAY_USE' : 'TRANSIENT';
  switch (booking.marketSegment) {
    case 'Direct':
      return { source: 'DIRECT', reservation_type: type };
    case 'Corporate':
      return { source: 'CORPORATE', reservation_type: booking.nights === 0 ? type : 'CORPORATE' };
    case 'Groups':
      return { source: 'GROUP', reservation_type: booking.nights === 0 ? type : 'GROUP' };
    case 'Complementary':
      return { source: 'DIRECT', reservation_type: 'COMPLIMENTARY' };
    default:
      return { source: 'OTA', reservation_type: type };
  }
}

function changesNote(booking: Booking, ordinal: number): string | null {
  return ordinal === 0 ? null : `change ${ordinal} of ${booking.changes}`;
}

function earliest(...dates: readonly string[]): string {
  return dates.reduce((first, date) => (date < first ? date : first));
}
