/** What `broker-connection.ts` uses of kafkajs's internal connection; kafkajs types only its public API. */
declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net';
  import type { SASLOptions } from 'kafkajs';

  namespace Connection {
    interface KafkajsLogger {
      namespace(name: string): KafkajsLogger;
      debug(message: string, fields?: Record<string, unknown>): void;
      info(message: string, fields?: Record<string, unknown>): void;
      warn(message: string, fields?: Record<string, unknown>): void;
      error(message: string, fields?: Record<string, unknown>): void;
    }

    interface SocketFactoryOptions {
      readonly host: string;
      readonly port: number;
      readonly onConnect: () => void;
    }

    interface ConnectionOptions {
      readonly host: string;
      readonly port: number;
      readonly clientId: string;
      readonly logger: KafkajsLogger;
      readonly socketFactory: (options: SocketFactoryOptions) => Socket;
      readonly sasl: SASLOptions | null;
      readonly connectionTimeout: number;
      readonly requestTimeout: number;
      readonly enforceRequestTimeout: boolean;
    }

    interface QueuedRequest {
      readonly entry: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        readonly correlationId: number;
        readonly resolve: (answer: { readonly payload: Buffer }) => void;
        readonly reject: (error: Error) => void;
      };
      readonly expectResponse: boolean;
      readonly requestTimeout: number | null;
      readonly sendRequest: () => void;
    }

    interface RequestQueue {
      scheduleCheckPendingRequests: () => void;
      push(request: QueuedRequest): void;
      destroy(): void;
    }
  }

  class Connection {
    constructor(options: Connection.ConnectionOptions);
    readonly requestQueue: Connection.RequestQueue;
    readonly socket: Socket;
    connect(): Promise<unknown>;
    authenticate(): Promise<void>;
    setVersions(
      versions: Readonly<
        Record<number, { readonly minVersion: number; readonly maxVersion: number }>
      >,
    ): void;
    setSupportAuthenticationProtocol(isSupported: boolean): void;
    isAuthenticated(): boolean;
    failIfNotConnected(): void;
    nextCorrelationId(): number;
    rejectRequests(error: Error): void;
  }

  export = Connection;
}
