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

export class BrokerPool {
  readonly #options: ConnectionOptions;
  readonly #open = new Map<string, BrokerConnection>();
  readonly #opening = new Map<string, Promise<BrokerConnection>>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Sends once; error codes as in `broker-connection.ts`. */
  async send<Response>(
    address: BrokerAddress,
    message: Message<Response>,
    timeoutMs: number,
  ): Promise<Response> {
    const connection = this.#current(address) ?? (await this.#connect(address));
    return connection.send(message, timeoutMs);
  }

  isConnectedTo(address: BrokerAddress): boolean {
    return this.#current(address) !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open.values()) connection.close('the client closes');
    this.#open.clear();
  }

  #current(address: BrokerAddress): BrokerConnection | undefined {
    const connection = this.#open.get(nameOf(address));
    return connection?.isOpen === true ? connection : undefined;
  }

  #connect(address: BrokerAddress): Promise<BrokerConnection> {
    const name = nameOf(address);
    const opening = this.#opening.get(name) ?? this.#openNew(address);
    this.#opening.set(name, opening);
    return opening;
  }

  async #openNew(address: BrokerAddress): Promise<BrokerConnection> {
    const name = nameOf(address);
    try {
      if (this.#isClosed) throw new RollguardError('ILLEGAL_STATE', `${name}: the pool is closed`);
      const connection = await BrokerConnection.open(address, this.#options);
      if (this.#isClosed) connection.close('the client closes');
      else this.#open.set(name, connection);
      return connection;
    } finally {
      this.#opening.delete(name);
    }
  }
}

function nameOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}
