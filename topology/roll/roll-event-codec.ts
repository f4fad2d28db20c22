/** A ledger change as the value of `roll.events`: the contract `schemas/roll/roll-event.avsc`. */
import type { RollChange } from './diff.ts';

/** The record the contract describes. */
export function rollEventOf({ kind, entry, adjustment }: RollChange): object {
  const { occurredMicros, ...columns } = entry;
  return { kind: kind.toUpperCase(), ...columns, occurredAt: occurredMicros, adjustment };
}
