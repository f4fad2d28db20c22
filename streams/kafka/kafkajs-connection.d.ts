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

    interface ProtocolRequest {
      readonly request: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        /** kafkajs asks for one of its encoders and uses these two of its fields. */
        readonly encode: () => { readonly buf: Buffer; readonly buffer: Buffer };
      };
      readonly response: {
        readonly decode: (payload: Buffer) => Buffer;
        readonly parse: (payload: Buffer) => Buffer;
      };
      readonly logResponseError: boolean;
    }
  }

  class Connection {
    constructor(options: Connection.ConnectionOptions);
    readonly requestQueue: { scheduleCheckPendingRequests: () => void; destroy(): void };
    connect(): Promise<unknown>;
    authenticate(): Promise<void>;
    setVersions(
      versions: Readonly<
        Record<number, { readonly minVersion: number; readonly maxVersion: number }>
      >,
    ): void;
    setSupportAuthenticationProtocol(isSupported: boolean): void;
    send(request: Connection.ProtocolRequest): Promise<Buffer>;
    rejectRequests(error: Error): void;
  }

  export = Connection;
}
