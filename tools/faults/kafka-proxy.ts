/**
 * Stands before a broker, as its clients' network does, and fails as one: it holds requests of one API
 * back, is slow, cuts its connections off, or lets nothing through while they seem to stand.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { BrokerAddress } from '../../streams/kafka/broker-connection.ts';
import { AnswerRewriter } from './answer-rewriter.ts';
import { DelayLine } from './delay-line.ts';

const lengthBytes = 4;

/** refused: connections end, new ones too · silent: they stand, and what is sent is never there. */
export type Cut = 'refused' | 'silent';

interface Held {
  readonly upstream: net.Socket;
  readonly frame: Buffer;
  readonly answered: Promise<unknown>;
}

export class KafkaProxy {
  readonly #server: net.Server;
  readonly #broker: BrokerAddress;
  readonly #clock: Clock;
  readonly #sockets = new Set<net.Socket>();
  #heldApiKey: number | undefined;
  #heldCountMax = Infinity;
  #held: Held[] = [];
  #cut: Cut | undefined;
  #delayMs = 0;

  static async before(broker: BrokerAddress, clock: Clock): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(broker, clock);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(broker: BrokerAddress, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
    this.#server = net.createServer((client) => {
      if (this.#cut === 'refused') client.destroy();
      else this.#join(client, net.connect(broker));
    });
  }

  get address(): BrokerAddress {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /**
   * Requests of this API are sent on their old connection when they are released, long after whoever sent
   * them gave up.
   * @param countMax so many are held; those after them pass.
   */
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

  /** Until `mend`. */
  cut(how: Cut): void {
    this.#cut = how;
    if (how === 'refused') this.#endAll();
  }

  /** What was sent while it was cut is lost, and so are the connections. */
  mend(): void {
    if (this.#cut === undefined) return;
    this.#cut = undefined;
    this.#endAll();
  }

  /** Everything takes so much longer, each way; 0: as it is. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  close(): void {
    this.#server.close();
    this.#endAll();
  }

  #endAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: net.Socket, upstream: net.Socket): void {
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    const toClient = this.#lineTo(client);
    const toBroker = this.#lineTo(upstream);
    const rewriter = new AnswerRewriter(this.#broker, this.address.port, (bytes) => {
      toClient.send(bytes, this.#delayMs);
    });
    upstream.on('data', (bytes) => {
      if (this.#cut === undefined) rewriter.answered(bytes);
    });
    upstream.on('close', () => client.destroy());
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes) => {
      if (this.#cut !== undefined) return;
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= lengthBytes) {
        const end = lengthBytes + rest.readInt32BE(0);
        if (rest.length < end) break;
        const frame = rest.subarray(0, end);
        rewriter.asked(frame);
        this.#pass(frame, upstream, toBroker);
        rest = rest.subarray(end);
      }
    });
    client.on('close', () => {
      // The broker must not see that the client is gone while a request of it is held.
      if (!this.#held.some((each) => each.upstream === upstream)) upstream.destroy();
    });
  }

  #lineTo(socket: net.Socket): DelayLine {
    return new DelayLine(this.#clock, (bytes) => {
      if (socket.writable) socket.write(bytes);
    });
  }

  #pass(frame: Buffer, upstream: net.Socket, toBroker: DelayLine): void {
    const isHeld = frame.readInt16BE(lengthBytes) === this.#heldApiKey;
    if (!isHeld || this.#held.length >= this.#heldCountMax) {
      toBroker.send(frame, this.#delayMs);
      return;
    }
    const copy = Buffer.from(frame);
    this.#held.push({ upstream, frame: copy, answered: once(upstream, 'data') });
  }
}
