import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { BrokerAddress } from '../../streams/kafka/broker-connection.ts';

const lengthBytes = 4;

interface Held {
  readonly upstream: net.Socket;
  readonly frame: Buffer;
  readonly answered: Promise<unknown>;
}

/**
 * Stands before a broker and lets requests pass, except those of one API while it holds them back: they
 * are sent on their old connection when they are released, long after whoever sent them gave up.
 */
export class KafkaProxy {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #heldApiKey: number | undefined;
  #heldCountMax = Infinity;
  #held: Held[] = [];

  static async before(broker: BrokerAddress): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(broker);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(broker: BrokerAddress) {
    this.#server = net.createServer((client) => this.#join(client, net.connect(broker)));
  }

  get address(): BrokerAddress {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** @param countMax so many requests are held; those after them pass. */
  hold(apiKey: number, countMax = Infinity): void {
    this.#heldApiKey = apiKey;
    this.#heldCountMax = countMax;
  }

  /** What was held is sent; resolves when the broker has answered all of it. */
  async release(): Promise<void> {
    this.#heldApiKey = undefined;
    const held = this.#held;
    this.#held = [];
    for (const { upstream, frame } of held) upstream.write(frame);
    await Promise.all(held.map(({ answered }) => answered));
  }

  /** From now on everything passes; what was held is never sent. */
  forget(): void {
    this.#heldApiKey = undefined;
    this.#held = [];
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: net.Socket, upstream: net.Socket): void {
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    upstream.on('data', (bytes) => client.writable && client.write(bytes));
    upstream.on('close', () => client.destroy());
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= lengthBytes) {
        const end = lengthBytes + rest.readInt32BE(0);
        if (rest.length < end) break;
        this.#pass(rest.subarray(0, end), upstream);
        rest = rest.subarray(end);
      }
    });
    client.on('close', () => {
      // The broker must not see that the client is gone while a request of it is held.
      if (!this.#held.some((each) => each.upstream === upstream)) upstream.destroy();
    });
  }

  #pass(frame: Buffer, upstream: net.Socket): void {
    const isHeld = frame.readInt16BE(lengthBytes) === this.#heldApiKey;
    if (!isHeld || this.#held.length >= this.#heldCountMax) {
      upstream.write(frame);
      return;
    }
    const copy = Buffer.from(frame);
    this.#held.push({ upstream, frame: copy, answered: once(upstream, 'data') });
  }
}
