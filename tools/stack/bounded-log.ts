/**
 * Keeps log files that other processes write (in append mode) from growing without end: a file over the
 * bound is copied beside itself and emptied, so at most twice the bound is ever kept.
 */
import { copyFileSync, existsSync, statSync, truncateSync } from 'node:fs';

export const logBytesMax = 8 * 1024 * 1024;

export function boundLog(file: string, bytesMax = logBytesMax): void {
  if (!existsSync(file) || statSync(file).size <= bytesMax) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}
