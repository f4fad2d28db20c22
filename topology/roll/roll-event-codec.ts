/** A ledger change as the value of `roll.events`: the contract `schemas/roll/roll-event.avsc`. */
import type { RollEvent } from '../../schemas/generated/roll-event.ts';
import type { RollChange } from './diff.ts';

/** The record the contract describes. */
export function rollEventOf({ kind, entry, adjustment }: RollChange): RollEvent {
  const { occurredMicros, ...columns } = entry;
  const upperKind = kind.toUpperCase() as Uppercase<typeof kind>;
  return { kind: upperKind, ...columns, occurredAt: occurredMicros, adjustment };
}
