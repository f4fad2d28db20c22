/**
 * How an instance ends: what works in the background and the services first, then the windows, then the
 * connections to the others and to Kafka. Whatever waits for a broker that is away ends with its connection,
 * so nothing is waited for longer than it takes when all is well.
 */
import type { Clock } from '../kernel/clock.ts';
import { settledWithin } from '../kernel/settled-within.ts';

interface Closable {
  close(): Promise<void>;
}

export interface Closing {
  /** Ends what it is at: its requests to Kafka have to be answered for that, or to fail. */
  readonly background: readonly Closable[];
  /** Each bounds the time that it takes. */
  readonly services: readonly Closable[];
  readonly windows: readonly Closable[];
  readonly peers: { close(): void };
  readonly port: Closable;
  readonly clock: Clock;
}

/** Half of what the services may take. */
export const backgroundCloseMs = 5_000;

export async function closeInOrder(closing: Closing): Promise<void> {
  const { background, services, windows, peers, port, clock } = closing;
  const ended = Promise.all(background.map((part) => part.close()));
  await Promise.all([
    settledWithin(clock, backgroundCloseMs, ended),
    ...services.map((service) => service.close()),
  ]);
  await Promise.all(windows.map((window) => window.close()));
  peers.close();
  await port.close();
  await ended;
}
