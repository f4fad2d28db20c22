/** What a bench asks of a side of a comparison: the topology of read-modify-write.ts, on this broker. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface PeerSettings {
  /** New for each run, and with it the changelog. */
  readonly applicationId: string;
  readonly brokers: readonly string[];
  readonly input: string;
  readonly output: string;
  readonly partitions: number;
  readonly stateDir: string;
  readonly commitIntervalMs: number;
  /** For entries in memory in front of RocksDB, of all tasks together. */
  readonly cacheMb: number;
}

export function writeSettings(settings: PeerSettings): string {
  const file = path.join(settings.stateDir, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

export function readSettings(file: string): PeerSettings {
  return JSON.parse(readFileSync(file, 'utf8')) as PeerSettings;
}
