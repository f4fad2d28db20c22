/** Which dead letters a command is about. */
import type { DeadLetter } from '../../streams/dead-letter-reader.ts';

export interface DeadLetterFilter {
  /** The topic it came from. */
  readonly topic?: string | undefined;
  readonly stage?: string | undefined;
  readonly code?: string | undefined;
  /** Offsets in the dead-letter topic. */
  readonly offsets?: readonly number[] | undefined;
  /** Milliseconds since 1970, by the original record's time. */
  readonly sinceMs?: number | undefined;
  /** False: only what was not put back yet. */
  readonly withRedriven: boolean;
}

export function matches(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { topic, stage, code, offsets, sinceMs, withRedriven } = filter;
  return (
    (withRedriven || letter.redrivenAtMs === undefined) &&
    (topic === undefined || letter.from.topic === topic) &&
    (stage === undefined || letter.stage === stage) &&
    (code === undefined || letter.code === code) &&
    (offsets === undefined || offsets.includes(letter.offset)) &&
    (sinceMs === undefined || letter.timestampMs >= sinceMs)
  );
}
