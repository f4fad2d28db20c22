/**
 * One reservation's story under construction: commands issued one after the other, each with the
 * reservation as it is afterwards. A command may die (DLQ); then its change is lost and the front desk
 * issues it again, except a booking, which the guest gives up.
 */
import type { Random } from '../../kernel/random.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import { appliedPath, deadPath } from './command-path.ts';
import { daysBetween } from './local-time.ts';
import {
  createsReservation,
  moneyText,
  type CommandAction,
  type CommandName,
  type PlatformAction,
  type ReservationRow,
  type StayMetadata,
} from './model.ts';

/** Commands of one reservation are at least this far apart, far more than any path takes. */
export const commandGapMs = 10 * 60_000;
/** Of 1,000 commands, how many die and how many carry `metadata.stay`. */
const deadPerMille = 12;
const withStayPerMille = 150;

type Changes = Partial<ReservationRow>;

export class ReservationStory {
  readonly actions: PlatformAction[] = [];
  readonly #random: Random;
  #reservation: ReservationRow;
  #roomId: string | undefined;
  #lastMs = -Infinity;
  #issued = 0;

  /** `reservation` is the booking as the guest asks for it; nothing is issued yet. */
  constructor(random: Random, reservation: ReservationRow) {
    this.#random = random;
    this.#reservation = reservation;
  }

  get reservation(): ReservationRow {
    return this.#reservation;
  }

  /** When the last command was issued. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The room that later commands may name. */
  giveRoom(roomId: string): void {
    this.#roomId = roomId;
  }

  /**
   * Issues a command at `atMs`, or as soon after the one before as two commands can be. `change` gets
   * the instant at which it is really issued. Returns false when it died for good.
   */
  issue(commandName: CommandName, atMs: number, change: (atMs: number) => Changes): boolean {
    const dies = this.#random.integer(1000) < deadPerMille;
    if (dies) {
      this.#append(commandName, atMs, { change, dies });
      if (createsReservation(commandName)) return false;
    }
    this.#reservation = this.#append(commandName, atMs, { change, dies: false });
    return true;
  }

  /** Changes the row as the paths do that write no lifecycle row. */
  changeRow(atMs: number, changes: Changes): void {
    this.#lastMs = Math.max(atMs, this.#lastMs + commandGapMs);
    this.#reservation = { ...this.#reservation, ...changes };
    this.actions.push({
      kind: 'row-change',
      atMs: this.#lastMs,
      reservation: this.#reservation,
    });
  }

  #append(
    commandName: CommandName,
    wantedMs: number,
    options: { readonly change: (atMs: number) => Changes; readonly dies: boolean },
  ): ReservationRow {
    const atMs = Math.max(wantedMs, this.#lastMs + commandGapMs);
    const reservation = withTotal({ ...this.#reservation, ...options.change(atMs) });
    const path = options.dies ? deadPath(this.#random, atMs) : appliedPath(this.#random, atMs);
    const eventId = uuidV5(reservation.id, `command ${this.#issued}`);
    const command: CommandAction = {
      kind: 'command',
      atMs,
      eventId,
      commandName,
      path,
      reservation,
    };
    const tellsStay = this.#random.integer(1000) < withStayPerMille;
    this.actions.push(tellsStay ? { ...command, stay: this.#stayOf(reservation) } : command);
    this.#issued += 1;
    this.#lastMs = atMs;
    return reservation;
  }

  #stayOf(reservation: ReservationRow): StayMetadata {
    return {
      property_id: reservation.property_id,
      room_type_id: reservation.room_type_id,
      ...(this.#roomId === undefined ? {} : { room_id: this.#roomId }),
      check_in: reservation.check_in_date,
      check_out: reservation.check_out_date,
      rooms: 1,
    };
  }
}

/** The amount follows rate and dates; day use pays one rate. */
function withTotal(reservation: ReservationRow): ReservationRow {
  const nights = Math.max(1, daysBetween(reservation.check_in_date, reservation.check_out_date));
  const rateCents = Math.round(Number(reservation.room_rate) * 100);
  return { ...reservation, total_amount: moneyText(rateCents * nights) };
}
