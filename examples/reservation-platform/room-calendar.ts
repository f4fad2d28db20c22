/**
 * Which room of a property is taken on which night. Every booking keeps its room from booking time on,
 * also when it is cancelled later: the sample chain never sells more than it has.
 */
import { addDays } from './local-time.ts';
import type { RoomRow } from './model.ts';

export class RoomCalendar {
  readonly #rooms: readonly RoomRow[];
  /** `<room id>|<date>` of every night taken. */
  readonly #taken = new Set<string>();

  constructor(rooms: readonly RoomRow[]) {
    this.#rooms = rooms;
  }

  /** Takes the first room of the type that is free on all nights; undefined when there is none. */
  take(roomTypeId: string, arrivalDate: string, nights: number): RoomRow | undefined {
    const dates = Array.from({ length: nights }, (_, night) => addDays(arrivalDate, night));
    const room = this.#rooms.find(
      ({ id, room_type_id }) =>
        room_type_id === roomTypeId && dates.every((date) => !this.#taken.has(`${id}|${date}`)),
    );
    if (room === undefined) return undefined;
    for (const date of dates) this.#taken.add(`${room.id}|${date}`);
    return room;
  }

  /** Forgets a past night, so that a chain that runs for ever needs no more memory. */
  forget(date: string): void {
    for (const room of this.#rooms) this.#taken.delete(`${room.id}|${date}`);
  }
}
