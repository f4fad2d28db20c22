/**
 * One connection to one broker, over kafkajs's (framing, TLS, SASL with its re-authentication). A
 * connection lives once: whatever goes wrong on it (closed, failed, a request without an answer) ends
 * it and all its requests, so no late or half-read answer can be taken for another's. It never sends
 * anything again by itself.
 *
 *   KAFKA_RETRIABLE  it could not be opened: nothing was sent
 *   KAFKA_TIMEOUT    the request may have been sent, and no answer will come
 *   KAFKA_FATAL      the broker lacks the API version or refuses the credentials: nothing was sent; or, with
 *                    `wasSent` in its context, it answers rubbish
 */
import net from 'node:net';
import tls from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import KafkajsConnection from 'kafkajs/src/network/connection.js';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { brokerErrorCode } from './error-reactions.ts';
import { apiVersionsRequest, type VersionRange } from './protocol/api-versions.ts';
import { decodeMessage, encodeRequest, type Api, type Message } from './protocol/message.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionOptions {
  readonly clientId: string;
  /** Undefined: plain TCP. */
  readonly ssl: tls.ConnectionOptions | undefined;
  /** kafkajs's own shape: mechanism and credentials. */
  readonly sasl: SASLOptions | undefined;
  /** For the connection, TLS, ApiVersions and SASL together. */
  readonly connectionTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

// How exact time-outs are: one timer watches all requests of a connection.
const watchIntervalMs = 25;
const keepAliveMs = 60_000;
// The contract suite runs on 3.5.2, 3.9.2 and the stack's own version.
const supportedBrokers = 'Kafka 3.5 or later';
const noResponse = new Map<number, VersionRange>();

export class BrokerConnection {
  readonly #address: BrokerAddress;
  readonly #options: ConnectionOptions;
  readonly #connection: KafkajsConnection;
  #socket: net.Socket | undefined;
  #versions: ReadonlyMap<number, VersionRange> = noResponse;
  readonly #deadlines = new Map<symbol, { readonly atMs: number; readonly apiName: string }>();
  readonly #ended = new AbortController();
  readonly #gone = deferred();
  readonly #opened: Promise<void>;
  #isReady = false;
  #isWatching = false;

  /** Begins to connect: TCP, TLS, the broker's API versions, SASL; within `connectionTimeoutMs`. */
  constructor(address: BrokerAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#connection = new KafkajsConnection({
      ...address,
      clientId: options.clientId,
      logger: kafkajsLogger(options.logger),
      socketFactory: ({ onConnect }) => this.#openSocket(onConnect),
      // kafkajs keeps its authenticator in the object: each connection gets its own.
      sasl: options.sasl === undefined ? null : { ...options.sasl },
      connectionTimeout: options.connectionTimeoutMs,
      requestTimeout: options.connectionTimeoutMs,
      // Time-outs are watched here: kafkajs would go on using a connection that has missed an answer.
      enforceRequestTimeout: false,
    });
    // kafkajs 2.2.4 rearms a one-millisecond timer for ever after the first answer. The timer serves its
    // queue of delayed requests, which stays empty: nothing here limits requests in flight or throttles.
    this.#connection.requestQueue.scheduleCheckPendingRequests = () => undefined;
    this.#opened = this.#open();
    // Whoever sends hears of a failure; if nobody does, it is nobody's concern.
    this.#opened.catch(() => undefined);
  }

  /** False once it has ended; a new one takes its place. */
  get isOpen(): boolean {
    return !this.#ended.signal.aborted;
  }

  /** True when a request would go out at once. */
  get isReady(): boolean {
    return this.#isReady && this.isOpen;
  }

  /** Sends once. The broker answers a connection's requests in the order they were sent. */
  async send<Response>(message: Message<Response>, timeoutMs: number): Promise<Response> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    if (!this.isReady) await this.#untilReady(timeoutMs);
    const version = this.#versionOf(message.api);
    const remainingMs = timeoutMs - (clock.monotonicMs() - startedMs);
    const payload = await this.#exchange(message, version, remainingMs);
    try {
      return decodeMessage(message, payload);
    } catch (error) {
      const what = `${this.#name}: the answer to ${message.api.name} cannot be read`;
      throw new RollguardError('KAFKA_FATAL', `${what}: ${messageOf(error)}`, {
        cause: error,
        context: { wasSent: true },
      });
    }
  }

  /** Ends the connection and every request on it at once; resolves when the socket is gone. */
  close(reason: string): Promise<void> {
    if (this.isOpen) {
      this.#ended.abort(reason);
      const error = new RollguardError('KAFKA_TIMEOUT', reason);
      this.#connection.rejectRequests(error);
      this.#connection.requestQueue.destroy();
      // kafkajs's own timer of a connection that is not up yet ends by an error only.
      this.#socket?.destroy(this.#isReady ? undefined : error);
      if (this.#socket === undefined) this.#gone.resolve();
    }
    return this.#gone.promise;
  }

  get #name(): string {
    return `broker ${this.#address.host}:${this.#address.port}`;
  }

  async #open(): Promise<void> {
    const done = this.#expect('connecting', this.#options.connectionTimeoutMs);
    try {
      await this.#untilEnded(this.#establish());
      this.#isReady = true;
    } catch (error) {
      void this.close(messageOf(error));
      throw this.#openFailure(error);
    } finally {
      done();
    }
  }

  async #untilReady(timeoutMs: number): Promise<void> {
    if ((await settledWithin(this.#options.clock, timeoutMs, this.#opened)) !== late) return;
    throw new RollguardError('KAFKA_RETRIABLE', `${this.#name} is still being connected to`);
  }

  async #establish(): Promise<void> {
    await this.#connection.connect();
    const { connectionTimeoutMs } = this.#options;
    const { api } = apiVersionsRequest;
    const payload = await this.#exchange(apiVersionsRequest, api.maxVersion, connectionTimeoutMs);
    const answer = decodeMessage(apiVersionsRequest, payload);
    if (answer.errorCode !== brokerErrorCode.none) {
      throw new RollguardError(
        'KAFKA_FATAL',
        `${this.#name}: ApiVersions answered error ${answer.errorCode}; ${supportedBrokers} is needed`,
      );
    }
    this.#versions = answer.versions;
    this.#connection.setVersions(Object.fromEntries(answer.versions));
    this.#connection.setSupportAuthenticationProtocol(true);
    await this.#connection.authenticate();
  }

  async #exchange(message: Message<unknown>, version: number, timeoutMs: number): Promise<Buffer> {
    const { key, name } = message.api;
    const answered = this.#expect(name, timeoutMs);
    try {
      const isApiVersions = key === apiVersionsRequest.api.key;
      const { sasl } = this.#options;
      // Credentials may expire; kafkajs renews them, one renewal for all that wait.
      if (sasl !== undefined && !isApiVersions && !this.#connection.isAuthenticated()) {
        await this.#connection.authenticate();
      }
      return await this.#write(message, version);
    } catch (error) {
      void this.close(messageOf(error));
      const what = `${this.#name}: no answer to ${name}`;
      throw new RollguardError('KAFKA_TIMEOUT', `${what}: ${messageOf(error)}`, { cause: error });
    } finally {
      answered();
    }
  }

  /** Writes the request in one piece: kafkajs's own encoder would copy it twice, into zeroed buffers. */
  #write(message: Message<unknown>, apiVersion: number): Promise<Buffer> {
    const connection = this.#connection;
    const { key: apiKey, name: apiName } = message.api;
    return new Promise((resolve, reject) => {
      connection.failIfNotConnected();
      const correlationId = connection.nextCorrelationId();
      const { clientId } = this.#options;
      const frame = encodeRequest(message, { version: apiVersion, correlationId, clientId });
      connection.requestQueue.push({
        entry: {
          ...{ apiKey, apiName, apiVersion, correlationId, reject },
          resolve: ({ payload }) => resolve(payload),
        },
        expectResponse: true,
        requestTimeout: null,
        sendRequest: () => void connection.socket.write(frame),
      });
    });
  }

  #versionOf(api: Api): number {
    const range = this.#versions.get(api.key);
    const version = Math.min(api.maxVersion, range?.maxVersion ?? -1);
    if (range !== undefined && version >= api.minVersion && version >= range.minVersion) {
      return version;
    }
    const offered =
      range === undefined ? 'none' : `versions ${range.minVersion} to ${range.maxVersion}`;
    const needed =
      api.minVersion === api.maxVersion
        ? String(api.minVersion)
        : `${api.minVersion} to ${api.maxVersion}`;
    throw new RollguardError(
      'KAFKA_FATAL',
      `${this.#name}: ${api.name} is needed in version ${needed}, the broker has ${offered}; use ` +
        `${supportedBrokers}, and brokers of one version`,
    );
  }

  #openSocket(onConnect: () => void): net.Socket {
    const { host, port } = this.#address;
    const { ssl } = this.#options;
    const servername = net.isIP(host) === 0 ? { servername: host } : {};
    const socket =
      ssl === undefined
        ? net.connect({ host, port }, onConnect)
        : tls.connect({ host, port, ...servername, ...ssl }, onConnect);
    // Requests are written whole; waiting to fill a packet would only add the peer's delayed acknowledgement.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.once('close', () => {
      this.#gone.resolve();
      void this.close('the broker closed the connection');
    });
    this.#socket = socket;
    return socket;
  }

  /** Has the connection closed when the returned function is not called in time. */
  #expect(apiName: string, timeoutMs: number): () => void {
    const id = Symbol(apiName);
    this.#deadlines.set(id, { atMs: this.#options.clock.monotonicMs() + timeoutMs, apiName });
    void this.#watch();
    return () => this.#deadlines.delete(id);
  }

  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const { clock } = this.#options;
    while (this.#deadlines.size > 0 && this.isOpen) {
      await clock.sleep(watchIntervalMs, this.#ended.signal);
      const nowMs = clock.monotonicMs();
      for (const { atMs, apiName } of this.#deadlines.values()) {
        if (atMs <= nowMs) void this.close(`${apiName} took too long`);
      }
    }
    this.#isWatching = false;
  }

  /** kafkajs leaves some promises unsettled when a socket ends early; the end of the connection settles them. */
  #untilEnded<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#ended;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new RollguardError('KAFKA_TIMEOUT', String(signal.reason)));
      if (signal.aborted) ended();
      signal.addEventListener('abort', ended, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', ended));
    });
  }

  #openFailure(error: unknown): RollguardError {
    const what = `${this.#name} cannot be reached`;
    const isRefused = nameOf(error) === 'KafkaJSSASLAuthenticationError';
    const message = isRefused
      ? `${this.#name} refuses the credentials: ${messageOf(error)}; check the sasl setting`
      : `${what}: ${messageOf(error)}`;
    const isFatal = isRefused || isRollguardError(error, 'KAFKA_FATAL');
    return new RollguardError(isFatal ? 'KAFKA_FATAL' : 'KAFKA_RETRIABLE', message, {
      cause: error,
    });
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : '';
}

/** kafkajs tells of every refused attempt at level error; here the caller decides what is worth telling. */
function kafkajsLogger(logger: Logger): KafkajsConnection.KafkajsLogger {
  const quiet = (): void => undefined;
  const told = (message: string, fields?: Record<string, unknown>): void =>
    logger.debug(`kafkajs: ${message}`, fields);
  const adapted: KafkajsConnection.KafkajsLogger = {
    namespace: () => adapted,
    debug: quiet,
    info: quiet,
    warn: told,
    error: told,
  };
  return adapted;
}
