/** Randomness as a port: the system's, and a seeded source for generators, tests and the simulator. */
import { randomUUID } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, limit). */
  integer(limit: number): number;
  /** A random (version 4) UUID. */
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  integer: (limit) => Math.floor(Math.random() * limit),
  uuid: () => randomUUID(),
};

/** The same sequence for the same seed (mulberry32; 32 bits of state). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (limit: number): number => Math.floor(next() * limit);
  const uuid = (): string => {
    const bytes = Uint8Array.from({ length: 16 }, () => integer(256));
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Buffer.from(bytes).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
  return { next, integer, uuid };
}
