/**
 * Reads the columns of one captured row as what is computed with. The first that cannot be used is the row's
 * problem, and what is read of it or after it means nothing. By hand, as this is done for every row.
 *
 * Debezium sends a DATE as days since 1970 or text, a TIMESTAMP as microseconds since 1970 (zone-less means
 * UTC), a TIMESTAMPTZ as ISO text, a DECIMAL as text, JSONB as text; the backfill reads the same columns in
 * Postgres' own text. What may be empty is null or not there.
 */
import { dateOfUtcDay, isCalendarDate } from '../calendar/calendar-date.ts';
import { readInstantMicros } from '../calendar/instant.ts';
import { rowProblem, type Read, type RowProblem } from './row-problem.ts';

/** By column name; others are ignored. */
export type CapturedColumns = Readonly<Record<string, unknown>>;
/** Of a DATE. */
export type DateColumn = string | number;
/** Of a TIMESTAMP or a TIMESTAMPTZ. */
export type InstantColumn = string | number | bigint;

const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// Far outside the years that a date can have: nothing of it is asked of the calendar.
const utcDayMax = 90_000;
const notText = 'is no text';
const notDate = 'is not a date of 1900 to 2199 (YYYY-MM-DD, or days since 1970)';
const notInstant = 'is not an instant of 1900 to 2199 (microseconds, or ISO text)';

export class ColumnReader {
  readonly #table: string;
  readonly #columns: CapturedColumns;
  /** Where the columns are, inside of a column that holds JSON: `metadata.stay.`. */
  readonly #path: string;
  #problem: RowProblem | undefined;

  constructor(table: string, columns: object, path = '') {
    this.#table = table;
    this.#columns = columns as CapturedColumns;
    this.#path = path;
  }

  /** What was made of the columns, unless one could not be used. */
  read<Value>(value: Value): Read<Value> {
    return this.#problem === undefined ? { value } : rowProblem(this.#problem);
  }

  /** A UUID, in lower case. */
  id(name: string): string {
    const value = this.#columns[name];
    if (typeof value === 'string' && idPattern.test(value)) return value.toLowerCase();
    return this.#unreadable(name, 'is no UUID', '');
  }

  optionalId(name: string): string | undefined {
    return this.#isEmpty(name) ? undefined : this.id(name);
  }

  text(name: string): string {
    const value = this.#columns[name];
    return typeof value === 'string' ? value : this.#unreadable(name, notText, '');
  }

  optionalText(name: string): string | undefined {
    return this.#isEmpty(name) ? undefined : this.text(name);
  }

  /** Text that is as `isOne` wants it; `complaint` says what it is not. */
  textThat(name: string, isOne: (text: string) => boolean, complaint: string): string {
    const value = this.#columns[name];
    if (typeof value === 'string' && isOne(value)) return value;
    return this.#unreadable(name, complaint, '');
  }

  oneOf<Name extends string>(name: string, names: readonly Name[]): Name {
    const value = this.#columns[name];
    const at = (names as readonly unknown[]).indexOf(value);
    return names[at] ?? this.#unreadable(name, `is none of ${names.join(', ')}`, names[0] as Name);
  }

  /** YYYY-MM-DD. */
  date(name: string): string {
    const value = this.#columns[name];
    const date = typeof value === 'number' ? dateOfDay(value) : value;
    if (typeof date === 'string' && isCalendarDate(date)) return date;
    return this.#unreadable(name, notDate, '');
  }

  /** Microseconds since 1970. */
  instant(name: string): number {
    const value = this.#columns[name];
    const type = typeof value;
    const isReadable = type === 'string' || type === 'number' || type === 'bigint';
    const micros = isReadable ? readInstantMicros(value as InstantColumn) : undefined;
    return micros ?? this.#unreadable(name, notInstant, 0);
  }

  optionalInstant(name: string): number | undefined {
    return this.#isEmpty(name) ? undefined : this.instant(name);
  }

  /** Not below zero. */
  optionalCount(name: string): number | undefined {
    if (this.#isEmpty(name)) return undefined;
    const value = this.#columns[name];
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    return this.#unreadable(name, 'is no count', 0);
  }

  /** Empty: false. */
  flag(name: string): boolean {
    if (this.#isEmpty(name)) return false;
    const value = this.#columns[name];
    return typeof value === 'boolean' ? value : this.#unreadable(name, 'is no boolean', false);
  }

  /** Parsed, where it is text; null where it is empty. */
  json(name: string): unknown {
    const value = this.#columns[name];
    if (typeof value !== 'string') return value ?? null;
    try {
      return JSON.parse(value);
    } catch {
      return this.#unreadable(name, 'is not JSON', null);
    }
  }

  jsonList(name: string): readonly unknown[] {
    const value = this.json(name);
    return Array.isArray(value) ? value : this.#unreadable(name, 'is no list', []);
  }

  /** The object that a column's JSON is, read by `read`; undefined where it is empty. */
  jsonObject<Value>(name: string, read: (members: ColumnReader) => Value): Value | undefined {
    return this.#inside(name, this.json(name), read);
  }

  /** The object that a member of JSON is. */
  object<Value>(name: string, read: (members: ColumnReader) => Value): Value | undefined {
    return this.#inside(name, this.value(name), read);
  }

  /** As it came. */
  value(name: string): unknown {
    return this.#columns[name];
  }

  /** What is of its kind, and cannot be used. */
  refuse(name: string, message: string, reason: RowProblem['reason'] = 'unreadable'): void {
    const [table, field] = [this.#table, this.#path + name];
    this.#problem ??= { table, field, reason, message: `${table}.${field}: ${message}` };
  }

  #inside<Value>(
    name: string,
    value: unknown,
    read: (members: ColumnReader) => Value,
  ): Value | undefined {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.refuse(name, `${describe(value)} is no object`);
      return undefined;
    }
    const members = new ColumnReader(this.#table, value, `${this.#path}${name}.`);
    const result = read(members);
    this.#problem ??= members.#problem;
    return result;
  }

  #isEmpty(name: string): boolean {
    const value = this.#columns[name];
    return value === null || value === undefined;
  }

  #unreadable<Value>(name: string, complaint: string, instead: Value): Value {
    this.refuse(name, `${describe(this.#columns[name])} ${complaint}`);
    return instead;
  }
}

function dateOfDay(day: number): string | undefined {
  return Number.isInteger(day) && Math.abs(day) <= utcDayMax ? dateOfUtcDay(day) : undefined;
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}…` : JSON.stringify(value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return value === null || value === undefined ? 'nothing' : 'an object';
  }
}
