/** Postgres' own code of what a statement failed with, told from the codes of everything else. */

/** A table that was not made. */
export const undefinedTable = '42P01';
/** A statement that took too long, or that somebody has cancelled; the connection lives. */
export const statementCancelled = '57014';

/** Two characters of class, three of condition. Node's EPIPE and our own USAGE have five letters as well. */
const pattern = /^(?:\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

/** Undefined: it is no error of a statement. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && pattern.test(code) ? code : undefined;
}
