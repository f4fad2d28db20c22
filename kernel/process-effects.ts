/** What an armed failpoint does to this process. */
import { writeSync } from 'node:fs';
import type { FailpointEffects } from './failpoints.ts';

const stderr = 2;

export const processEffects: FailpointEffects = {
  kill: () => {
    process.kill(process.pid, 'SIGKILL');
  },
  // The event loop stands still: no heartbeat, no answer, no timer.
  pause: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  // Written at once: a killed process flushes nothing.
  report: (line) => void writeSync(stderr, `${line}\n`),
};
