/**
 * What a captured row can be that the ledger must not guess about. A problem is a value: the wiring
 * sends the row to the dead-letter topic with it and leaves the ledger as it is.
 */
import { RollguardError } from '../../kernel/errors.ts';

export interface RowProblem {
  /** The captured table. */
  readonly table: string;
  /** The column, with a path into it where it holds JSON. */
  readonly field: string;
  /** `unreadable`: missing or not of its kind; `impossible`: readable, but contradicts itself. */
  readonly reason: 'unreadable' | 'impossible';
  /** A sentence for the person who redrives it. */
  readonly message: string;
}

/** What reading gives: the value, or why there is none. */
export type Read<Value> =
  | { readonly value: Value; readonly problem?: undefined }
  | { readonly problem: RowProblem; readonly value?: undefined };

export function rowProblem(problem: RowProblem): { readonly problem: RowProblem } {
  return { problem };
}

/** @throws DECODE_FAILED, which sends the row to the dead-letter topic. */
export function valueOf<Value>(read: Read<Value>): Value {
  if (read.problem === undefined) return read.value;
  throw new RollguardError('DECODE_FAILED', read.problem.message, { context: { ...read.problem } });
}
