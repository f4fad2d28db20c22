/** Everything the guard decides about: what callers ask, and what it learns of the hotel. */
import type { PropertyRecord, RoomRecord } from './catalogue.ts';
import type { GuardCommand } from './command.ts';

/** Removes ended holds, and what their slots remember, when all of that is long over. */
export interface ForgetCommand {
  readonly kind: 'forget';
  /** At most this many holds in one decision. */
  readonly limit: number;
}

/** A captured row of `rooms`. */
export interface RoomInput {
  readonly kind: 'room';
  readonly tenantId: string;
  readonly roomId: string;
  /** Undefined: the row is gone, which is the same as a row that says it is deleted. */
  readonly row: RoomRecord | undefined;
}

/** A captured row of `properties`. */
export interface PropertyInput {
  readonly kind: 'property';
  readonly tenantId: string;
  readonly propertyId: string;
  readonly row: PropertyRecord;
}

/** The snapshots of rooms and properties were read to their end; false: they are being read anew. */
export interface CatalogueInput {
  readonly kind: 'catalogue';
  readonly isComplete: boolean;
}

export type StreamInput = RoomInput | PropertyInput | CatalogueInput;
export type GuardInput = GuardCommand | ForgetCommand | StreamInput;
