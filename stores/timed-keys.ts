/**
 * The keys of a store that forgets, in its task's state:
 *
 *   0 <kind> <name> 1 <key, ended> <times>           an entry; its times are its window's, if it has any
 *   0 <kind> <name> 0 <time> <key, ended> <times>    a note that the entry is over by that time
 *
 * Entries lie by key, then time: all of one key between two times is one range, and so is all that begins
 * with a prefix. A key is ended by two zeros, and its own zeros are told from these by a 1 behind them,
 * so that no key runs into the times of another and the order stays that of the keys. The leading zero
 * keeps these stores apart from those without time, whose keys begin with their name's length; the kind
 * keeps a store apart from what another kind left under its name.
 */
import { prefixEnd } from '../kernel/bytes.ts';
import { readTime, timeBytes, timeMaxMs, writeTime } from './event-time.ts';

export type StoreKind = 'key-value' | 'window' | 'session';

// For life: they are part of every key.
const kindBytes = { 'key-value': 1, window: 2, session: 3 } as const;
const noteByte = 0;
const entryByte = 1;
const keyEnd = Buffer.from([0, 0]);

export interface Bounds {
  readonly gte: Buffer;
  readonly lt: Buffer | undefined;
}

export class TimedKeys {
  readonly #entries: Buffer;
  readonly #notes: Buffer;

  constructor(kind: StoreKind, name: string) {
    const nameBytes = Buffer.from(name, 'utf8');
    const store = Buffer.concat([Buffer.from([0, kindBytes[kind], nameBytes.length]), nameBytes]);
    this.#entries = Buffer.concat([store, Buffer.from([entryByte])]);
    this.#notes = Buffer.concat([store, Buffer.from([noteByte])]);
  }

  entry(key: Buffer, ...times: readonly number[]): Buffer {
    const escaped = escape(key);
    const start = this.#entries.length;
    const timesAt = start + escaped.length + keyEnd.length;
    const bytes = Buffer.allocUnsafe(timesAt + times.length * timeBytes);
    this.#entries.copy(bytes, 0);
    escaped.copy(bytes, start);
    keyEnd.copy(bytes, timesAt - keyEnd.length);
    for (const [index, timeMs] of times.entries()) {
      writeTime(timeMs, bytes, timesAt + index * timeBytes);
    }
    return bytes;
  }

  /** The key of an entry with so many times. */
  keyOf(entry: Buffer, timeCount: number): Buffer {
    const end = entry.length - timeCount * timeBytes - keyEnd.length;
    return unescape(entry.subarray(this.#entries.length, end));
  }

  /** One of an entry's times, counted from its end. */
  timeOf(entry: Buffer, fromEnd: number): number {
    return readTime(entry, entry.length - fromEnd * timeBytes);
  }

  /** Where the entries lie whose keys begin with the prefix. */
  entriesWith(prefix: Buffer): Bounds {
    const gte = Buffer.concat([this.#entries, escape(prefix)]);
    return { gte, lt: prefixEnd(gte) };
  }

  /** Where the key's entries lie whose first time is between the two, or one of them. */
  entriesBetween(key: Buffer, fromMs: number, toMs: number): Bounds {
    const gte = this.entry(key, Math.min(Math.max(0, Math.ceil(fromMs)), timeMaxMs));
    if (toMs < fromMs || toMs < 0) return { gte, lt: gte };
    return { gte, lt: prefixEnd(this.entry(key, Math.min(Math.floor(toMs), timeMaxMs))) };
  }

  note(entry: Buffer, overAtMs: number): Buffer {
    const rest = entry.subarray(this.#entries.length);
    const note = this.notesFrom(overAtMs);
    return Buffer.concat([note, rest]);
  }

  /** Before every note of that time or later, behind those of earlier ones. */
  notesFrom(overAtMs: number): Buffer {
    const bytes = Buffer.allocUnsafe(this.#notes.length + timeBytes);
    this.#notes.copy(bytes, 0);
    writeTime(overAtMs, bytes, this.#notes.length);
    return bytes;
  }

  noted(note: Buffer): Buffer {
    return Buffer.concat([this.#entries, note.subarray(this.#notes.length + timeBytes)]);
  }
}

function escape(key: Buffer): Buffer {
  if (!key.includes(0)) return key;
  return Buffer.from(key.toString('latin1').replaceAll('\0', '\0\x01'), 'latin1');
}

function unescape(escaped: Buffer): Buffer {
  if (!escaped.includes(0)) return escaped;
  return Buffer.from(escaped.toString('latin1').replaceAll('\0\x01', '\0'), 'latin1');
}
