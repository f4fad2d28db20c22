import { describe, expect, test } from '@jest/globals';
import { backgroundCloseMs, closeInOrder } from '../../api/close-in-order.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

function parts(clock: ManualClock) {
  const order: string[] = [];
  const part = (name: string) => ({
    close: () => {
      order.push(name);
      return Promise.resolve();
    },
  });
  const closing = {
    background: [part('background')],
    services: [part('service')],
    windows: [part('window')],
    peers: { close: () => void order.push('peers') },
    port: part('port'),
    clock,
  };
  return { order, closing };
}

describe('an instance that ends', () => {
  test('closes its windows once nothing is worked on, and its connections last', async () => {
    const { order, closing } = parts(new ManualClock());

    await closeInOrder(closing);

    expect(order).toEqual(['background', 'service', 'window', 'peers', 'port']);
  });

  test('waits for nothing in the background that waits for a broker which answers nothing', async () => {
    const clock = new ManualClock();
    const { order, closing } = parts(clock);
    let answer = (): void => undefined;
    const hanging = { close: () => new Promise<void>((resolve) => (answer = resolve)) };
    const port = {
      close: () => {
        order.push('port');
        // Requests on a connection that is closed fail.
        answer();
        return Promise.resolve();
      },
    };

    const closed = closeInOrder({ ...closing, background: [hanging], port });
    await clock.advance(backgroundCloseMs - 1);
    expect(order).toEqual(['service']);
    await clock.advance(1);
    await closed;

    expect(order).toEqual(['service', 'window', 'peers', 'port']);
  });
});
