/**
 * The load generator's gRPC client: unary calls over HTTP/2 frames written by hand. Client, server and
 * broker share two cores here, so what the generator spends is taken from what it measures: the library's
 * client costs about 190 µs of CPU a call on this machine, this one about 25. For load only: it knows the
 * few frames that a well-behaved server sends, and no TLS.
 */
import net from 'node:net';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frameHeaderBytes = 9;
const messageHeaderBytes = 5;
const windowMax = 0x7fff_ffff;
const initialWindow = 65_535;
const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const initialWindowSetting = 4;

interface Call {
  readonly resolve: (message: Buffer | undefined) => void;
  parts: Buffer[];
}

export class LeanClient {
  readonly #socket: net.Socket;
  /** The same for every call: literals that no table has to remember. */
  readonly #headers: Buffer;
  readonly #calls = new Map<number, Call>();
  #held: { readonly message: Buffer; readonly resolve: Call['resolve'] }[] = [];
  #out: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  #window = initialWindow;
  #isLost = false;

  /** @param path of the method, `/package.Service/Method`. */
  constructor(port: number, path: string, timeoutMs = 20_000) {
    this.#headers = Buffer.concat([
      Buffer.from([0x83, 0x86, 0x04]), // :method POST, :scheme http, :path
      literal(path),
      Buffer.from([0x01]), // :authority
      literal(`127.0.0.1:${port}`),
      Buffer.from([0x0f, 0x10]), // content-type
      literal('application/grpc'),
      ...['te', 'trailers'].map((text, index) => named(text, index)),
      ...['grpc-timeout', `${timeoutMs}m`].map((text, index) => named(text, index)),
    ]);
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#lost());
    this.#socket.write(Buffer.concat([Buffer.from(preface), settings(), connectionWindow()]));
  }

  /** The answer's message; undefined when the call failed. */
  call(message: Buffer): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      if (this.#isLost) resolve(undefined);
      else if (this.#held.length > 0 || !this.#fits(message)) this.#held.push({ message, resolve });
      else this.#send(message, resolve);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #fits(message: Buffer): boolean {
    return message.length + messageHeaderBytes <= this.#window;
  }

  #send(message: Buffer, resolve: Call['resolve']): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, { resolve, parts: [] });
    const bodyBytes = messageHeaderBytes + message.length;
    const head = frame(frameType.headers, {
      flags: endHeaders,
      stream,
      bytes: this.#headers.length,
    });
    const body = frame(frameType.data, { flags: endStream, stream, bytes: bodyBytes });
    const length = Buffer.alloc(messageHeaderBytes);
    length.writeUInt32BE(message.length, 1);
    this.#window -= bodyBytes;
    this.#write(Buffer.concat([head, this.#headers, body, length, message]));
  }

  /** What one turn of the event loop sends goes out in one write. */
  #write(bytes: Buffer): void {
    if (this.#out.length === 0) {
      setImmediate(() => {
        const out = this.#out;
        this.#out = [];
        this.#socket.write(Buffer.concat(out));
      });
    }
    this.#out.push(bytes);
  }

  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= frameHeaderBytes) {
      const end = at + frameHeaderBytes + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#accept(all.subarray(at, end));
      at = end;
    }
    this.#rest = at === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(at));
  }

  #accept(whole: Buffer): void {
    const type = whole[3] ?? 0;
    const flags = whole[4] ?? 0;
    const stream = whole.readUInt32BE(5) & windowMax;
    const payload = whole.subarray(frameHeaderBytes);
    if (type === frameType.data) this.#calls.get(stream)?.parts.push(payload);
    if (type === frameType.windowUpdate && stream === 0) this.#widen(payload.readUInt32BE(0));
    if (type === frameType.settings && (flags & ack) === 0) {
      this.#write(frame(frameType.settings, { flags: ack, stream: 0, bytes: 0 }));
    }
    if (type === frameType.ping && (flags & ack) === 0) {
      const head = frame(frameType.ping, { flags: ack, stream: 0, bytes: payload.length });
      this.#write(Buffer.concat([head, payload]));
    }
    const isLast =
      (type === frameType.data || type === frameType.headers) && (flags & endStream) !== 0;
    if (isLast || type === frameType.reset) this.#end(stream);
  }

  #end(stream: number): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    if (call === undefined) return;
    const answer = call.parts.length === 1 ? call.parts[0] : Buffer.concat(call.parts);
    // Without a message it is an error, told in trailers.
    call.resolve(answer?.length === 0 ? undefined : answer?.subarray(messageHeaderBytes));
  }

  #widen(by: number): void {
    this.#window += by;
    for (;;) {
      const [first] = this.#held;
      if (first === undefined || !this.#fits(first.message)) return;
      this.#held = this.#held.slice(1);
      this.#send(first.message, first.resolve);
    }
  }

  #lost(): void {
    this.#isLost = true;
    for (const { resolve } of [...this.#calls.values(), ...this.#held]) resolve(undefined);
    this.#calls.clear();
    this.#held = [];
  }
}

interface FrameHeader {
  readonly flags: number;
  readonly stream: number;
  readonly bytes: number;
}

function frame(type: number, { flags, stream, bytes }: FrameHeader): Buffer {
  const head = Buffer.alloc(frameHeaderBytes);
  head.writeUIntBE(bytes, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}

/** Answers of a stream never have to wait for us. */
function settings(): Buffer {
  const value = Buffer.alloc(6);
  value.writeUInt16BE(initialWindowSetting, 0);
  value.writeUInt32BE(windowMax, 2);
  return Buffer.concat([frame(frameType.settings, { flags: 0, stream: 0, bytes: 6 }), value]);
}

function connectionWindow(): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(windowMax - initialWindow, 0);
  return Buffer.concat([frame(frameType.windowUpdate, { flags: 0, stream: 0, bytes: 4 }), value]);
}

/** A header without an index: its name first, then its value. */
function named(text: string, index: number): Buffer {
  return index === 0 ? Buffer.concat([Buffer.from([0x00]), literal(text)]) : literal(text);
}

function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
