/**
 * The kinds of captured columns, as zod schemas that turn what Debezium sends into what the ledger
 * computes with; and how a refused column becomes a problem value.
 * A DATE is days since 1970 or text; a TIMESTAMP is microseconds since 1970 (zone-less means UTC), a
 * TIMESTAMPTZ is ISO text; a DECIMAL is text; JSONB is text or already parsed.
 */
import { z } from 'zod';
import { dateOfUtcDay, isCalendarDate } from '../calendar/calendar-date.ts';
import { readInstantMicros } from '../calendar/instant.ts';
import { rowProblem, type RowProblem } from './row-problem.ts';

export const idColumn = z.guid().toLowerCase();

export const dateColumn = z.union([z.string(), z.int().gte(-30_000).lte(90_000)]).transform(
  readWith((value) => {
    const date = typeof value === 'string' ? value : dateOfUtcDay(value);
    return isCalendarDate(date) ? date : undefined;
  }, 'is not a date of 1900 to 2199 (YYYY-MM-DD, or days since 1970)'),
);

/** Microseconds since 1970. */
export const instantColumn = z
  .union([z.string(), z.number(), z.bigint()])
  .transform(
    readWith(readInstantMicros, 'is not an instant of 1900 to 2199 (microseconds, or ISO text)'),
  );

export const currencyColumn = z.string().regex(/^[A-Z]{3}$/);

/** JSON as text or as a value; what it must hold is the next schema's to say. */
export const jsonColumn = z.unknown().transform(
  readWith((value: unknown): unknown => {
    if (typeof value !== 'string') return value ?? null;
    try {
      return JSON.parse(value);
    } catch {
      return undefined;
    }
  }, 'is not JSON'),
);

/** The first refused column of a row, as the problem the row goes to the dead-letter topic with. */
export function problemOf(table: string, error: z.ZodError): { readonly problem: RowProblem } {
  const issue = error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const reason =
    issue?.code === 'custom' && issue.params?.['impossible'] ? 'impossible' : 'unreadable';
  const message = `${table}.${field}: ${issue?.message ?? 'cannot be read'}`;
  return rowProblem({ table, field, reason, message });
}

function readWith<Input, Output>(
  read: (value: Input) => Output | undefined,
  complaint: string,
): (value: Input, context: z.RefinementCtx<Input>) => Output {
  return (value, context) => {
    const output = read(value);
    if (output !== undefined) return output;
    context.addIssue({ code: 'custom', message: `${describe(value)} ${complaint}` });
    return z.NEVER;
  };
}

function describe(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
