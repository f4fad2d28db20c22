/** A gRPC client without generated code: calls by service definition and method name. */
import {
  Client,
  Metadata,
  credentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';

export type Message = Readonly<Record<string, unknown>>;

export interface CallOptions {
  readonly metadata?: Metadata;
  readonly deadline?: number;
  /** Told the answer's initial metadata. */
  readonly onMetadata?: (metadata: Metadata) => void;
}

export class GrpcClient {
  readonly #client: Client;
  readonly #definition: ServiceDefinition;

  constructor(port: number, definition: ServiceDefinition) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#definition = definition;
  }

  /** The answer, or the error: both are what a test looks at. */
  call(
    method: string,
    message: Message,
    options: CallOptions = {},
  ): Promise<Message | ServiceError> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const { metadata = new Metadata(), onMetadata, ...rest } = options;
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        ...([path, requestSerialize, responseDeserialize, message, metadata, rest] as const),
        (error, answer) => resolve(error ?? (answer as Message)),
      );
      if (onMetadata !== undefined) call.on('metadata', onMetadata);
    });
  }

  stream(method: string, message: Message): ClientReadableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return this.#client.makeServerStreamRequest(
      ...([path, requestSerialize, responseDeserialize, message] as const),
    );
  }

  duplex(method: string): ClientDuplexStream<Message, Message> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  close(): void {
    this.#client.close();
  }

  #method(name: string): MethodDefinition<Message, Message> {
    const method = this.#definition[name];
    if (method === undefined) throw new Error(`the service has no method ${name}`);
    return method as MethodDefinition<Message, Message>;
  }
}

export function isServiceError(found: Message | ServiceError): found is ServiceError {
  return found instanceof Error;
}
