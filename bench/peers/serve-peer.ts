/**
 * A side's process as its parent wants it, in Node. It says `ready` on stdout as soon as its store serves,
 * answers `get <key>` with `value <count>`, and stops in order when stdin ends: that happens too
 * when the parent dies. Its log is stderr. StreamsPeer.java does the same.
 */
import { createInterface } from 'node:readline';

export interface ServedPeer {
  /** How often a key came. */
  readonly count: (key: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** @param about figures that go with `ready`. */
export async function servePeer(
  { count, stop }: ServedPeer,
  about: Readonly<Record<string, number>> = {},
): Promise<void> {
  process.stdout.write(`ready ${JSON.stringify(about)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`value ${await count(line.slice('get '.length))}\n`);
  }
  await stop();
}
