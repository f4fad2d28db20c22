/**
 * One booking of the sample chain, from the first call to the departure or whatever else ends it, with
 * the habits of real guests: they change their minds, come after midnight, leave before dawn, do not
 * come at all; and of real front desks: some things are recorded hours later.
 */
import type { Random } from '../../kernel/random.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import { addDays, instantOf } from './local-time.ts';
import {
  moneyText,
  type PlatformAction,
  type PropertyRow,
  type ReservationRow,
  type RoomRow,
  type RoomTypeRow,
} from './model.ts';
import { isoText } from './records.ts';
import { commandGapMs, ReservationStory } from './reservation-story.ts';
import type { RoomCalendar } from './room-calendar.ts';

export interface BookingRequest {
  readonly random: Random;
  readonly property: PropertyRow;
  readonly roomTypes: readonly RoomTypeRow[];
  readonly calendar: RoomCalendar;
  /** The property-local date of the call. */
  readonly bookedDate: string;
  /** Unique within the property. */
  readonly bookingNumber: number;
  /** Days from booking to arrival, on average. */
  readonly meanLeadDays: number;
}

/** How a booking ends, each with its share in percent. */
const outcomes = [
  [58, 'stay'],
  [16, 'cancel'],
  [8, 'walk-in'],
  [6, 'no-show'],
  [5, 'day-use'],
  [4, 'row-cancelled'],
  [3, 'row-expired'],
] as const;
type Outcome = (typeof outcomes)[number][1];

/** Lengths of stay in nights, with their shares. */
const stayLengths = [
  [30, 1],
  [28, 2],
  [18, 3],
  [10, 4],
  [6, 5],
  [6, 7],
  [2, 10],
] as const;

const sources = ['DIRECT', 'WEBSITE', 'PHONE', 'OTA', 'CORPORATE'] as const;
const leadDaysMax = 60;
const hour = 60;
const hourMs = 3_600_000;

/** The actions of one booking in time order; none when the house is full on those nights. */
export function bookingActions(request: BookingRequest): PlatformAction[] {
  const { random } = request;
  const outcome = pickWeighted(random, outcomes);
  const nights = outcome === 'day-use' ? 0 : pickWeighted(random, stayLengths);
  const arrivalDate = addDays(request.bookedDate, leadDaysOf(request, outcome));
  const extendsStay = nights > 0 && chance(random, 7);
  const roomType = pick(random, request.roomTypes);
  // A day-use room is not sold again for the night that follows.
  const nightsHeld = Math.max(1, nights + (extendsStay ? 1 : 0));
  const room = request.calendar.take(roomType.id, arrivalDate, nightsHeld);
  if (room === undefined) return [];
  const rateCents = Math.round(Number(roomType.base_price) * (80 + random.integer(60)));
  const plan = { ...request, outcome, nights, arrivalDate, extendsStay, room, rateCents };
  const story = new ReservationStory(random, askedReservation(plan));
  tell(story, plan);
  return story.actions;
}

/** What is decided before the first command. */
interface Plan extends BookingRequest {
  readonly outcome: Outcome;
  readonly nights: number;
  readonly arrivalDate: string;
  readonly extendsStay: boolean;
  readonly room: RoomRow;
  readonly rateCents: number;
}

function tell(story: ReservationStory, plan: Plan): void {
  if (plan.outcome === 'walk-in') {
    if (walkIn(story, plan)) leave(story, plan);
    return;
  }
  if (!book(story, plan)) return;
  switch (plan.outcome) {
    case 'cancel':
      cancel(story, plan);
      break;
    case 'row-cancelled':
    case 'row-expired':
      endByRow(story, plan, plan.outcome);
      break;
    case 'no-show':
      noShow(story, plan);
      break;
    case 'stay':
    case 'day-use':
      arrive(story, plan);
      leave(story, plan);
      break;
  }
}

/** The booking and the guest's changes to it; false when the platform lost it. */
function book(story: ReservationStory, plan: Plan): boolean {
  const { random, nights, rateCents } = plan;
  const bookedMs = at(plan, plan.bookedDate, 8 * hour + random.integer(13 * hour));
  const changesEndMs = at(plan, plan.arrivalDate, 12 * hour);
  const changes =
    changesEndMs - bookedMs > 6 * hourMs && chance(random, 30) ? pick(random, [1, 2]) : 0;
  // Who changes a booking first asked for a shorter stay at another price.
  const firstAsked = {
    check_out_date: addDays(plan.arrivalDate, nights > 1 ? nights - 1 : nights),
    room_rate: moneyText(rateCents - 500),
  };
  const quote = {
    status: 'QUOTED' as const,
    quoted_at: isoText(bookedMs),
    quote_expires_at: isoText(bookedMs + 48 * hourMs),
  };
  const booked = story.issue('reservation.create', bookedMs, () => ({
    ...(changes > 0 ? firstAsked : {}),
    ...(plan.outcome === 'row-expired' ? quote : {}),
    booking_date: isoText(bookedMs),
  }));
  for (let change = 1; booked && change <= changes; change += 1) {
    const isLast = change === changes;
    story.issue('reservation.modify', between(random, story.lastMs, changesEndMs), () => ({
      number_of_adults: 1 + random.integer(2),
      ...(isLast ? finalTerms(plan) : {}),
    }));
  }
  return booked;
}

function finalTerms(plan: Plan): Pick<ReservationRow, 'check_out_date' | 'room_rate'> {
  return {
    check_out_date: addDays(plan.arrivalDate, plan.nights),
    room_rate: moneyText(plan.rateCents),
  };
}

function cancel(story: ReservationStory, plan: Plan): void {
  const { random } = plan;
  const latestMs = at(plan, plan.arrivalDate, 18 * hour);
  story.issue('reservation.cancel', between(random, story.lastMs, latestMs), (atMs) => ({
    status: 'CANCELLED',
    cancellation_date: isoText(atMs),
    cancellation_reason: 'guest changed plans',
    cancellation_fee: moneyText(chance(random, 30) ? plan.rateCents : 0),
  }));
}

/** Quotes run out and guests are walked to another hotel without any command. */
function endByRow(
  story: ReservationStory,
  plan: Plan,
  outcome: 'row-cancelled' | 'row-expired',
): void {
  const endMs = between(plan.random, story.lastMs, at(plan, plan.arrivalDate, 12 * hour));
  const ended = isoText(endMs);
  story.changeRow(
    endMs,
    outcome === 'row-expired'
      ? { status: 'EXPIRED', expired_at: ended }
      : {
          status: 'CANCELLED',
          cancellation_date: ended,
          cancellation_reason: 'walked to another hotel',
        },
  );
}

function noShow(story: ReservationStory, plan: Plan): void {
  const { random } = plan;
  const givenUpMs = at(plan, plan.arrivalDate, 23 * hour + random.integer(200));
  story.issue('reservation.no_show', givenUpMs, (atMs) => ({
    status: 'NO_SHOW',
    is_no_show: true,
    no_show_date: isoText(atMs),
    no_show_fee: moneyText(plan.rateCents),
  }));
}

function walkIn(story: ReservationStory, plan: Plan): boolean {
  const arrivedMs = at(plan, plan.arrivalDate, 15 * hour + plan.random.integer(8 * hour));
  story.giveRoom(plan.room.id);
  return story.issue('reservation.walkin_checkin', arrivedMs, (atMs) => ({
    status: 'CHECKED_IN',
    source: 'WALKIN',
    booking_date: isoText(atMs),
    actual_check_in: isoText(atMs),
    room_number: plan.room.room_number,
  }));
}

function arrive(story: ReservationStory, plan: Plan): void {
  const { random, room } = plan;
  if (chance(random, 30)) {
    const assignedMs = at(plan, plan.arrivalDate, 9 * hour + random.integer(3 * hour));
    story.giveRoom(room.id);
    story.issue('reservation.assign_room', assignedMs, () => ({ room_number: room.room_number }));
  }
  const wishedMs = at(plan, plan.arrivalDate, arrivalMinute(plan));
  const arrivedMs = Math.max(wishedMs, story.lastMs + commandGapMs);
  story.giveRoom(room.id);
  story.issue('reservation.check_in', arrivedMs + recordingDelayMs(plan), () => ({
    status: 'CHECKED_IN',
    actual_check_in: isoText(arrivedMs),
    room_number: room.room_number,
  }));
}

function leave(story: ReservationStory, plan: Plan): void {
  const { random, arrivalDate } = plan;
  if (plan.nights > 1 && chance(random, 6)) {
    const overriddenMs = at(plan, addDays(arrivalDate, 1), 12 * hour);
    const room_rate = moneyText(plan.rateCents - 1050);
    story.issue('reservation.rate_override', overriddenMs, () => ({ room_rate }));
  }
  if (plan.extendsStay) {
    const { check_out_date } = story.reservation;
    const extendedMs = at(plan, addDays(check_out_date, -1), 19 * hour);
    const longer = { check_out_date: addDays(check_out_date, 1) };
    story.issue('reservation.extend_stay', extendedMs, () => longer);
  }
  const leftMs = departureMs(story, plan);
  story.issue('reservation.check_out', leftMs + recordingDelayMs(plan), () => ({
    status: 'CHECKED_OUT',
    actual_check_out: isoText(leftMs),
    paid_amount: story.reservation.total_amount,
  }));
}

/** Most come in the afternoon, some after midnight, when their night still counts for the day before. */
function arrivalMinute({ random, outcome }: Plan): number {
  if (outcome === 'day-use') return 12 * hour + random.integer(90);
  return chance(random, 8)
    ? 24 * hour + 10 + random.integer(150)
    : 14 * hour + random.integer(9 * hour);
}

function departureMs(story: ReservationStory, plan: Plan): number {
  const { random, nights } = plan;
  const arrivedMs = Date.parse(story.reservation.actual_check_in ?? '');
  if (nights === 0) return arrivedMs + (2 + random.integer(4)) * hourMs;
  const leavesEarly = nights > 1 && chance(random, 8);
  const date = addDays(story.reservation.check_out_date, leavesEarly ? -1 : 0);
  const leftMs = at(plan, date, departureMinute(random));
  return leftMs > arrivedMs ? leftMs : at(plan, date, 11 * hour);
}

/** Most leave in the morning; some before 03:00, not having slept the last night, some just after. */
function departureMinute(random: Random): number {
  const percent = random.integer(100);
  if (percent < 3) return -3 * hour + random.integer(2 * hour);
  if (percent < 7) return 2 * hour + random.integer(45);
  if (percent < 10) return 4 * hour + random.integer(90);
  return 7 * hour + random.integer(285);
}

/** A few arrivals and departures are recorded hours later, often after the business date was closed. */
function recordingDelayMs({ random, outcome }: Plan): number {
  const isLate = outcome !== 'day-use' && chance(random, 4);
  return isLate ? (4 + random.integer(5)) * hourMs : 0;
}

function leadDaysOf({ random, meanLeadDays }: BookingRequest, outcome: Outcome): number {
  if (outcome === 'walk-in') return 0;
  const days = Math.floor(-Math.log(1 - random.next()) * meanLeadDays);
  const least = outcome === 'stay' || outcome === 'no-show' ? 0 : 1;
  return Math.min(leadDaysMax, Math.max(least, days));
}

function askedReservation(plan: Plan): ReservationRow {
  const { random, property, bookingNumber } = plan;
  const id = uuidV5(property.id, `reservation ${bookingNumber}`);
  const reference = `${property.property_code}-${bookingNumber}`;
  return {
    id,
    tenant_id: property.tenant_id,
    property_id: property.id,
    guest_id: uuidV5(id, 'guest'),
    room_type_id: plan.room.room_type_id,
    confirmation_number: reference,
    check_in_date: plan.arrivalDate,
    ...finalTerms(plan),
    booking_date: '',
    actual_check_in: null,
    actual_check_out: null,
    room_number: null,
    number_of_adults: 1 + random.integer(2),
    number_of_children: random.integer(2),
    total_amount: moneyText(0),
    paid_amount: moneyText(0),
    currency: property.currency,
    status: chance(random, 40) ? 'PENDING' : 'CONFIRMED',
    source: pick(random, sources),
    reservation_type: plan.outcome === 'day-use' ? 'DAY_USE' : 'TRANSIENT',
    guest_name: `Guest ${bookingNumber}`,
    guest_email: `guest-${reference.toLowerCase()}@example.com`,
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

/** The instant of a local time at the property; minutes may lie before or after the day. */
function at(plan: Plan, date: string, minuteOfDay: number): number {
  return instantOf(date, minuteOfDay, plan.property.timezone);
}

/** A whole second after `fromMs` and before `toMs`; `fromMs` itself when there is none between. */
function between(random: Random, fromMs: number, toMs: number): number {
  const seconds = Math.max(0, Math.floor((toMs - fromMs) / 1000));
  return fromMs + random.integer(seconds) * 1000;
}

function chance(random: Random, percent: number): boolean {
  return random.integer(100) < percent;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.integer(choices.length)];
  if (choice === undefined) throw new Error('there is nothing to pick from');
  return choice;
}

/** Choices with shares that add up to 100. */
function pickWeighted<T>(random: Random, choices: readonly (readonly [percent: number, T])[]): T {
  let percent = random.integer(100);
  for (const [share, choice] of choices) {
    if (percent < share) return choice;
    percent -= share;
  }
  throw new Error('the shares of the choices do not add up to 100');
}
