/** A TCP address whose connections lead to another one, which can be changed or be nowhere: a virtual address. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

export class TcpSwitch {
  readonly #server: net.Server;
  readonly #open = new Set<net.Socket>();
  #target: number | undefined;

  /** @param target port on this machine. */
  static async open(target: number): Promise<TcpSwitch> {
    const opened = new TcpSwitch(target);
    opened.#server.listen(0, '127.0.0.1');
    await once(opened.#server, 'listening');
    return opened;
  }

  private constructor(target: number) {
    this.#target = target;
    this.#server = net.createServer((socket) => this.#connect(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends what is open, and leads what comes to another port; undefined: refuses it. */
  turnTo(target: number | undefined): void {
    this.#target = target;
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.turnTo(undefined);
    this.#server.close();
    await once(this.#server, 'close');
  }

  #connect(socket: net.Socket): void {
    if (this.#target === undefined) {
      socket.destroy();
      return;
    }
    const other = net.connect(this.#target, '127.0.0.1');
    for (const [one, another] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#open.delete(one);
        another.destroy();
      });
      one.pipe(another);
    }
  }
}
