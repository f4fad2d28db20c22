/** A ledger change as the value of `roll.events`: the contract `schemas/roll/roll-event.avsc`. */
import type { RollEvent } from '../../schemas/generated/roll-event.ts';
import type { RollChange } from './diff.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** The record the contract describes. */
export function rollEventOf({ kind, entry, adjustment }: RollChange): RollEvent {
  const { occurredMicros, ...columns } = entry;
  const upperKind = kind.toUpperCase() as Uppercase<typeof kind>;
  return { kind: upperKind, ...columns, occurredAt: occurredMicros, adjustment };
}

/** What was written as this event; undefined: of a type that came later, which says nothing here. */
export function rollChangeOf(event: RollEvent): RollChange | undefined {
  const { kind, occurredAt, adjustment, rollType, amountMinor, ...columns } = event;
  if (rollType === 'UNKNOWN') return undefined;
  const entry: LedgerEntry = {
    ...columns,
    rollType,
    amountMinor: Number(amountMinor),
    occurredMicros: Number(occurredAt),
  };
  return { kind: kind.toLowerCase() as RollChange['kind'], entry, adjustment };
}
