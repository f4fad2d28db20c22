/** What window and session stores have in common: keys within a span of event time. */
import type { ScanOptions } from './key-value-store.ts';

/** A key in one of its windows or sessions. */
export interface Windowed<K> {
  readonly key: K;
  readonly startMs: number;
  /** The first time behind a window; the last of a session. */
  readonly endMs: number;
}

export interface AllScanOptions extends ScanOptions {
  /** Only keys whose bytes begin with it. */
  readonly prefix?: Buffer;
}
