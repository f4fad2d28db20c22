/** Everything the guard decides about: what callers ask, and what it learns of the hotel. */
import type { Departure, PropertyRecord, RoomRecord } from './catalogue.ts';
import type { BulkReleaseCommand, GuardCommand, LockCommand, ReleaseCommand } from './command.ts';

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
  /** Orders the versions of the row. */
  readonly version?: string;
}

/** A type that a room has left holds it no more. */
export interface HandOverInput extends Departure {
  readonly kind: 'hand-over';
  readonly tenantId: string;
  readonly roomId: string;
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

/** A command that came through Kafka: decided once, however often it comes. */
export interface CommandInput {
  readonly kind: 'command';
  readonly tenantId: string;
  readonly commandId: string;
  /** A lock that comes when its time to live is over since then is not granted any more. */
  readonly issuedAtMs: number;
  readonly command: LockCommand | ReleaseCommand | BulkReleaseCommand;
}

/** What a hold was taken for took effect in the platform: it stays. */
export interface ConfirmInput {
  readonly kind: 'confirm';
  readonly tenantId: string;
  readonly lockId: string;
  /** Another one: the hold has changed meanwhile, and nothing is confirmed. */
  readonly version: number;
  /** The platform's id of what took effect. */
  readonly cause: string;
}

/** A live reservation as the platform has it: its stay is held, whoever sold it. */
export interface PlatformStayInput {
  readonly kind: 'platform-stay';
  readonly tenantId: string;
  readonly reservationId: string;
  readonly roomTypeId: string;
  readonly propertyId: string;
  /** Undefined: no room is assigned yet. */
  readonly roomNumber: string | undefined;
  /** Dates of the property's calendar; the same twice: day use. */
  readonly arrivalDate: string;
  readonly departureDate: string;
}

export type StreamInput =
  RoomInput | HandOverInput | PropertyInput | CatalogueInput | ConfirmInput | PlatformStayInput;
export type GuardInput = GuardCommand | ForgetCommand | CommandInput | StreamInput;
