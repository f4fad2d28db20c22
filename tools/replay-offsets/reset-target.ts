/**
 * Where a reset goes to, as the options say it: those of `kafka-consumer-groups --reset-offsets`, exactly
 * one of them. Durations are ISO 8601 (`PT2H`, `P1DT30M`) or short (`2h`, `90m`).
 */
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';

export type ResetTarget =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** The first record of that time or later. */
  | { readonly kind: 'datetime'; readonly atMs: number }
  | { readonly kind: 'shift'; readonly by: number }
  /** Offsets by `topic-partition`. */
  | { readonly kind: 'file'; readonly offsets: ReadonlyMap<string, number> };

export interface TargetFlags {
  readonly toEarliest?: true;
  readonly toLatest?: true;
  readonly toOffset?: string;
  readonly toDatetime?: string;
  readonly byDuration?: string;
  readonly shiftBy?: string;
  readonly fromFile?: string;
}

export interface AskedTarget {
  readonly target: ResetTarget;
  /** The option as it was given. */
  readonly asked: string;
}

interface Parts {
  readonly nowMs: number;
  readonly readFile: (name: string) => string;
}

const dayMs = 86_400_000;
const unitsMs: Readonly<Record<string, number>> = {
  ...{ w: 7 * dayMs, d: dayMs, h: 3_600_000, m: 60_000, s: 1_000 },
};

/** @throws USAGE */
export function resetTarget(flags: TargetFlags, parts: Parts): AskedTarget {
  const given = Object.entries(readers).flatMap(([flag, read]) => {
    const value = flags[flag as keyof TargetFlags];
    return value === undefined ? [] : [{ flag: flagName(flag), value, read }];
  });
  const [only, ...others] = given;
  if (only === undefined || others.length > 0) {
    const names = Object.keys(readers).map(flagName);
    const found = given.length === 0 ? 'none' : given.map(({ flag }) => flag).join(' and ');
    throw usage(`say where to with exactly one of ${names.join(', ')}; there is ${found}`);
  }
  const { flag, value, read } = only;
  const asked = value === true ? flag : `${flag} ${value}`;
  return { target: read(value === true ? '' : value, parts), asked };
}

const readers: Readonly<Record<keyof TargetFlags, (text: string, parts: Parts) => ResetTarget>> = {
  toEarliest: () => ({ kind: 'earliest' }),
  toLatest: () => ({ kind: 'latest' }),
  toOffset: (text) => ({ kind: 'offset', offset: wholeNumber('--to-offset', text, /^\d{1,15}$/) }),
  toDatetime: (text) => ({ kind: 'datetime', atMs: instantMs(text) }),
  byDuration: (text, { nowMs }) => ({ kind: 'datetime', atMs: nowMs - durationMs(text) }),
  shiftBy: (text) => ({ kind: 'shift', by: wholeNumber('--shift-by', text, /^[+-]?\d{1,15}$/) }),
  fromFile: (name, { readFile }) => ({ kind: 'file', offsets: offsetsOf(name, readFile(name)) }),
};

/** Milliseconds. @throws USAGE */
export function durationMs(text: string): number {
  const short = /^(\d{1,9})([wdhms])$/.exec(text);
  if (short !== null) return Number(short[1]) * (unitsMs[short[2] ?? ''] ?? 0);
  const iso =
    /^P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?$/.exec(
      text,
    );
  const counts: readonly (string | undefined)[] = iso?.slice(1) ?? [];
  if (counts.every((count) => count === undefined)) {
    throw usage(`--by-duration ${text}: it must be like PT2H, P1DT30M, 2h or 90m`);
  }
  return Object.values(unitsMs).reduce((sum, unit, at) => sum + unit * Number(counts[at] ?? 0), 0);
}

function instantMs(text: string): number {
  const isInstant = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text) && text.includes('T');
  // Without a zone it is UTC, whatever the machine's is.
  const atMs = isInstant.test(text)
    ? Date.parse(hasZone ? text : `${text.includes('T') ? text : `${text}T00:00`}Z`)
    : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw usage(
      `--to-datetime ${text}: it must be like 2026-05-10T03:00:00Z (without a zone: UTC)`,
    );
  }
  return atMs;
}

/** Lines of `topic,partition,offset`, as kafka-consumer-groups takes them; blank lines and `#` are left out. */
function offsetsOf(name: string, text: string): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const found = /^\s*"?([A-Za-z0-9._-]+)"?\s*,\s*(\d{1,9})\s*,\s*(\d{1,15})\s*$/.exec(line);
    const where = `${name}, line ${index + 1}`;
    if (found === null) throw usage(`${where} is not topic,partition,offset: ${line}`);
    const [, topic = '', partition, offset] = found;
    const partitionText = partitionName({ topic, partition: Number(partition) });
    if (offsets.has(partitionText)) throw usage(`${where}: ${partitionText} is there twice`);
    offsets.set(partitionText, Number(offset));
  }
  if (offsets.size === 0) throw usage(`${name} has no line of topic,partition,offset`);
  return offsets;
}

function wholeNumber(flag: string, text: string, pattern: RegExp): number {
  if (pattern.test(text)) return Number(text);
  throw usage(`${flag} ${text}: it must be a whole number`);
}

function flagName(flag: string): string {
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function usage(message: string): RollguardError {
  return new RollguardError('USAGE', message);
}
