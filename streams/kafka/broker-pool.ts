/**
 * One connection to each broker that was asked, opened when needed and replaced when it ended. A
 * broker answers the requests of a connection one after another, and some answers take long (a fetch
 * that waits for records, a join): each role that may block has a pool of its own.
 */
import { RollguardError } from '../../kernel/errors.ts';
import {
  BrokerConnection,
  type BrokerAddress,
  type ConnectionOptions,
} from './broker-connection.ts';
import type { Message } from './protocol/message.ts';

export interface BrokerPoolOptions extends ConnectionOptions {
  /** Where to connect to for the address a broker advertises. */
  readonly route: (advertised: BrokerAddress) => BrokerAddress;
  /** Called when the pool is closed, so that whoever keeps pools can let go of it. */
  readonly onClose: (pool: BrokerPool) => void;
}

export class BrokerPool {
  readonly #options: BrokerPoolOptions;
  readonly #connections = new Map<string, BrokerConnection>();
  #isClosed = false;
  #replaced = 0;

  constructor(options: BrokerPoolOptions) {
    this.#options = options;
  }

  /** Sends once, within the time; error codes as in `broker-connection.ts`. */
  async send<Response>(
    address: BrokerAddress,
    message: Message<Response>,
    timeoutMs: number,
  ): Promise<Response> {
    return this.#connectionTo(address).send(message, timeoutMs);
  }

  /** Grows with every connection that ended without being asked to: a broker may have restarted. */
  get lostConnections(): number {
    let lost = this.#replaced;
    for (const { isOpen } of this.#connections.values()) if (!isOpen) lost += 1;
    return lost;
  }

  /** Ends every connection; the next request opens a new one. */
  async disconnect(): Promise<void> {
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(connections.map((each) => each.close('the client disconnects')));
  }

  /** Resolves when every socket is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.onClose(this);
    await this.disconnect();
  }

  #connectionTo(address: BrokerAddress): BrokerConnection {
    if (this.#isClosed) throw new RollguardError('ILLEGAL_STATE', 'the Kafka client is closed');
    const name = addressName(address);
    const current = this.#connections.get(name);
    if (current?.isOpen === true) return current;
    if (current !== undefined) this.#replaced += 1;
    const connection = new BrokerConnection(this.#options.route(address), this.#options);
    this.#connections.set(name, connection);
    return connection;
  }
}

export function addressName({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}
