/**
 * What a request calls its hold by. A slot is named by the idempotency key, else by the reservation;
 * a key that is the reservation's id, or begins with it and a colon, means the reservation's main
 * slot. Names of both kinds are told apart by a prefix, so that a key never touches the hold of a
 * reservation that happens to have the same id.
 */
import { hash } from 'node:crypto';
import type { Refusal } from './answer.ts';
import type { LockCommand } from './command.ts';
import { invalid } from './refusal.ts';
import type { AskedStay } from './stay.ts';

export interface Slot {
  /** `reservation:<reservation id>` or `key:<idempotency key>`; within a tenant and room type. */
  readonly name: string;
  /** Tells repeats apart: what follows the colon of a main slot's key, else empty. */
  readonly suffix: string;
  /** Of a main slot's key with a decimal suffix: orders its changes. */
  readonly iteration: number | undefined;
}

type Named = Pick<LockCommand, 'idempotencyKey' | 'reservationId'>;

/** The slot of a request; an empty key or id is none. */
export function slotOf({ idempotencyKey, reservationId }: Named): Slot | Refusal {
  if (isMissing(idempotencyKey)) {
    if (isMissing(reservationId)) {
      return invalid('idempotencyKey', 'a request needs an idempotency key or a reservation id');
    }
    return mainSlot(reservationId);
  }
  if (isMissing(reservationId)) return ownSlot(idempotencyKey);
  if (idempotencyKey === reservationId) return mainSlot(reservationId);
  if (!idempotencyKey.startsWith(`${reservationId}:`)) return ownSlot(idempotencyKey);
  const suffix = idempotencyKey.slice(reservationId.length + 1);
  if (!/^\d+$/.test(suffix)) return { ...mainSlot(reservationId), suffix };
  const iteration = Number(suffix);
  if (!Number.isSafeInteger(iteration)) {
    return invalid('idempotencyKey', `the iteration after the colon is above 2^53 − 1`);
  }
  return { ...mainSlot(reservationId), suffix: String(iteration), iteration };
}

/** Ids are lower case inside; a key that is made of the reservation's id has to stay so. */
export function sameCaseKey(
  key: string | undefined,
  reservationId: string | undefined,
): string | undefined {
  if (key === undefined || reservationId === undefined) return key;
  const { length } = reservationId;
  const isMadeOfIt = key.slice(0, length).toLowerCase() === reservationId;
  return isMadeOfIt && /^(?:$|[:/])/.test(key.slice(length))
    ? `${reservationId}${key.slice(length)}`
    : key;
}

/**
 * A digest of what a caller wants: the stay as it was asked for, room type, room and reservation.
 * Who asks, why and with which correlation id is left out: a repeat may differ in these.
 */
export function bodyDigest(
  {
    roomTypeId,
    roomId,
    reservationId,
  }: Pick<LockCommand, 'roomTypeId' | 'roomId' | 'reservationId'>,
  { start, end }: AskedStay,
): string {
  // In the order of their names: this is canonical JSON, without what sorting costs.
  return digestOf(JSON.stringify({ end, reservationId, roomId, roomTypeId, start }));
}

/** What a slot remembers of a request it has answered: its body, and the suffix that came with it. */
export function answeredMark(suffix: string, body: string): string {
  return suffix === '' ? body : digestOf(JSON.stringify([suffix, body]));
}

/** The name of a reservation's main slot. */
export function mainSlotOf(reservationId: string): string {
  return `reservation:${reservationId}`;
}

function mainSlot(reservationId: string): Slot {
  return { name: mainSlotOf(reservationId), suffix: '', iteration: undefined };
}

function ownSlot(key: string): Slot {
  return { name: `key:${key}`, suffix: '', iteration: undefined };
}

function isMissing(text: string | undefined): text is undefined | '' {
  return text === undefined || text === '';
}

/** 128 bits: two bodies of a slot never share one. */
function digestOf(canonicalText: string): string {
  return hash('sha256', canonicalText, 'base64url').slice(0, 22);
}
