/** The batches that the killed process writes and the test expects. */
import type { StateChange } from '../../stores/state-engine.ts';

const keysPerBatch = 50;

/** Batch n sets its own keys, overwrites the shared one, and deletes the keys of batch n − 1. */
export function numberedBatch(n: number): readonly StateChange[] {
  const own = ownKeys(n).map((key) => ({ key, value: Buffer.alloc(500, n) }));
  const previous = ownKeys(n - 1).map((key) => ({ key, value: undefined }));
  return [...previous, ...own, { key: Buffer.from('shared'), value: Buffer.from(String(n)) }];
}

function ownKeys(n: number): Buffer[] {
  return Array.from({ length: keysPerBatch }, (_, index) => Buffer.from(`batch ${n} key ${index}`));
}
