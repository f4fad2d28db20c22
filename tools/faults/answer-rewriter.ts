/**
 * A broker says in its answers where it is to be reached, and whoever asks goes there: past a proxy. So
 * in the answers that name brokers the proxy's port stands in the place of theirs. A host is followed by
 * its port in every version of these answers, and the host is the same: nothing changes its length.
 */
import type { BrokerAddress } from '../../streams/kafka/broker-connection.ts';

const metadata = 3;
const findCoordinator = 10;
const portBytes = 4;
const lengthBytes = 4;
/** Length and correlation id. */
const headBytes = 8;
const correlationAt = lengthBytes;
/** Of a request, behind its length: API key, API version, correlation id. */
const requestCorrelationAt = lengthBytes + 4;

export class AnswerRewriter {
  readonly #broker: Buffer;
  readonly #port: number;
  readonly #write: (bytes: Buffer) => void;
  /** Correlation ids whose answers name brokers. */
  readonly #naming = new Set<number>();
  #held: Buffer = Buffer.alloc(0);
  /** Of the answer that is passing: bytes still to come. */
  #passingBytes = 0;

  /**
   * @param broker as it names itself.
   * @param port that is named instead.
   */
  constructor(broker: BrokerAddress, port: number, write: (bytes: Buffer) => void) {
    this.#broker = addressBytes(broker.host, broker.port);
    this.#port = port;
    this.#write = write;
  }

  /** A whole request on its way to the broker. */
  asked(request: Buffer): void {
    const apiKey = request.readInt16BE(lengthBytes);
    if (apiKey !== metadata && apiKey !== findCoordinator) return;
    this.#naming.add(request.readInt32BE(requestCorrelationAt));
  }

  /** Bytes from the broker, cut anywhere. */
  answered(bytes: Buffer): void {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.#passingBytes > 0) {
        const part = rest.subarray(0, this.#passingBytes);
        this.#passingBytes -= part.length;
        this.#write(part);
        rest = rest.subarray(part.length);
        continue;
      }
      const end = this.#endOfHeld(rest);
      if (end === undefined) continue;
      if (rest.length < end) {
        this.#held = Buffer.from(rest);
        return;
      }
      this.#naming.delete(rest.readInt32BE(correlationAt));
      this.#write(this.#rewritten(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  }

  /** Bytes that are needed at once; undefined: the answer names nobody and may pass as it comes. */
  #endOfHeld(rest: Buffer): number | undefined {
    if (rest.length < headBytes) return headBytes;
    const end = lengthBytes + rest.readInt32BE(0);
    if (this.#naming.has(rest.readInt32BE(correlationAt))) return end;
    this.#passingBytes = end;
    return undefined;
  }

  #rewritten(answer: Buffer): Buffer {
    const copy = Buffer.from(answer);
    for (let at = copy.indexOf(this.#broker); at >= 0; at = copy.indexOf(this.#broker, at + 1)) {
      copy.writeInt32BE(this.#port, at + this.#broker.length - portBytes);
    }
    return copy;
  }
}

function addressBytes(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(host.length + portBytes);
  bytes.write(host, 'latin1');
  bytes.writeInt32BE(port, host.length);
  return bytes;
}
