/**
 * THE table of error codes: what happened, how the engine reacts, what HTTP and gRPC answer.
 * A new code needs a row here, an entry in `docs/reference/errors.md` and a test that provokes it.
 * A retired code is never used again.
 */

/** What the code that catches it does. */
export type Reaction =
  /** try again with back-off; nothing is lost */
  | 'retry'
  /** this one input cannot be used: hand it to the failure policy, go on with the next */
  | 'skip-record'
  /** the partition is, or may be, somebody else's: drop memory, run the ownership order again */
  | 'rejoin'
  /** local state cannot be trusted: set it aside, restore from the changelog */
  | 'restore'
  /** a person must mend something; stop with the message */
  | 'stop'
  /** the caller's request is refused; nothing changed */
  | 'reject';

export interface ErrorCodeRow {
  readonly summary: string;
  readonly reaction: Reaction;
  /** HTTP status when it reaches a caller. */
  readonly http: number;
  /** gRPC status name when it reaches a caller. */
  readonly grpc:
    | 'INVALID_ARGUMENT'
    | 'NOT_FOUND'
    | 'PERMISSION_DENIED'
    | 'FAILED_PRECONDITION'
    | 'RESOURCE_EXHAUSTED'
    | 'UNAVAILABLE'
    | 'DEADLINE_EXCEEDED'
    | 'INTERNAL';
}

const stop = { reaction: 'stop', http: 500, grpc: 'INTERNAL' } as const;
const reject = { reaction: 'reject', http: 400, grpc: 'INVALID_ARGUMENT' } as const;
const retry = { reaction: 'retry', http: 503, grpc: 'UNAVAILABLE' } as const;
const skip = { reaction: 'skip-record', http: 500, grpc: 'INTERNAL' } as const;
const rejoin = { reaction: 'rejoin', http: 503, grpc: 'UNAVAILABLE' } as const;

export const errorCodes = {
  // settings, command line, the caller
  CONFIG_INVALID: { summary: 'a setting is missing or not allowed', ...stop },
  USAGE: { summary: 'the command line is wrong', ...reject },
  REQUEST_INVALID: { summary: 'a field of the request is missing or not allowed', ...reject },
  NOT_FOUND: { summary: 'nothing has this id', reaction: 'reject', http: 404, grpc: 'NOT_FOUND' },
  TENANT_MISMATCH: {
    summary: 'the request names another tenant than the one that asks',
    reaction: 'reject',
    http: 403,
    grpc: 'PERMISSION_DENIED',
  },
  ADMIN_TOKEN_REFUSED: {
    summary: 'the request carries no token that may do this',
    reaction: 'reject',
    http: 403,
    grpc: 'PERMISSION_DENIED',
  },
  SWITCHED_OFF: {
    summary: 'a setting switches this off',
    reaction: 'reject',
    http: 503,
    grpc: 'UNAVAILABLE',
  },
  PRECONDITION_FAILED: {
    summary: 'what the request relies on is not so (any more), such as a version',
    reaction: 'reject',
    http: 412,
    grpc: 'FAILED_PRECONDITION',
  },
  QUEUE_FULL: {
    summary: 'more calls wait for the owner of this key than it takes',
    reaction: 'retry',
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
  },
  DEADLINE_EXCEEDED: {
    summary: "the caller's deadline was over",
    reaction: 'reject',
    http: 504,
    grpc: 'DEADLINE_EXCEEDED',
  },
  NOT_READY: { summary: 'the owner of this key is restoring', ...retry },
  API_UNAVAILABLE: { summary: 'no Rollguard answers at this address', ...retry },
  DIFFERENCE_FOUND: { summary: 'a comparison found a difference', ...stop },
  REPLAY_UNFINISHED: {
    summary: 'a replay of this application id was begun and has not come to its end',
    ...stop,
  },
  INTERRUPTED: { summary: 'a signal ended it before it was done', ...stop },
  UNSUPPORTED: { summary: 'this part cannot do that', ...stop },

  // the local stack and its tools
  STACK_TOOL_MISSING: { summary: 'a program the local stack needs is not installed', ...stop },
  STACK_DOWNLOAD: { summary: 'a part of the stack could not be fetched or verified', ...stop },
  STACK_START: { summary: 'a part of the stack did not come up', ...stop },

  // schemas and the wire
  SCHEMA_INVALID: { summary: 'a schema file does not parse', ...stop },
  SCHEMA_INCOMPATIBLE: { summary: 'a schema breaks readers of its history', ...stop },
  REGISTRY_UNAVAILABLE: { summary: 'the Schema Registry does not answer', ...retry },
  REGISTRY_REFUSED: { summary: 'the Schema Registry refused a request', ...stop },
  SCHEMA_UNKNOWN_ID: { summary: 'the registry has no schema of this id', ...skip },
  WIRE_FORMAT: { summary: 'bytes are not in the Confluent wire format', ...skip },
  DECODE_FAILED: { summary: 'bytes do not match their schema', ...skip },
  ENCODE_FAILED: { summary: 'a value does not match the schema it is written with', ...skip },

  // connectors
  CONNECT_UNAVAILABLE: { summary: 'Kafka Connect does not answer', ...retry },
  CONNECT_REFUSED: { summary: 'Kafka Connect refused a request', ...stop },
  CONNECTOR_INVALID: { summary: 'a connector configuration is not valid', ...stop },
  CONNECTOR_FAILED: { summary: 'a connector or one of its tasks is FAILED', ...stop },

  // Kafka, as the engine reacts to it
  KAFKA_UNAVAILABLE: { summary: 'no broker answers', ...retry },
  KAFKA_RETRIABLE: { summary: 'Kafka asks to try the request again', ...retry },
  KAFKA_FATAL: { summary: 'Kafka refused a request for good', ...stop },
  KAFKA_TIMEOUT: { summary: 'a request got no answer in time', ...retry },
  PRODUCER_FENCED: { summary: 'a newer owner has this transactional id', ...rejoin },
  OUTCOME_UNKNOWN: { summary: 'a transaction request got no definite answer', ...rejoin },
  TRANSACTION_ABORTED: { summary: 'the transaction was aborted and can be done again', ...rejoin },
  ILLEGAL_GENERATION: { summary: 'the group has moved on to another generation', ...rejoin },
  INSTANCE_FENCED: {
    summary: 'another process has the group instance id of this one; give each its own',
    ...rejoin,
  },
  OFFSET_OUT_OF_RANGE: { summary: 'a partition no longer holds the wanted offset', ...stop },
  TOPIC_MISSING: { summary: 'a source topic does not exist', ...stop },
  TOPIC_MISCONFIGURED: { summary: 'a topic exists with settings that lose data', ...stop },
  RECORD_TOO_LARGE: { summary: 'a record exceeds the size the topic takes', ...skip },

  // topology, tasks and stores
  TOPOLOGY_INVALID: { summary: 'the topology is not well formed', ...stop },
  PROCESSING_FAILED: { summary: 'a processor threw on a record', ...skip },
  INPUT_REFUSED: { summary: 'a record cannot be used and its policy says to stop', ...stop },
  CHANGELOG_TRUNCATED: { summary: 'a changelog lost records that state is made of', ...stop },
  STATE_LOCKED: { summary: 'another process uses this state folder', ...stop },
  STATE_DAMAGED: {
    summary: 'a store on disk cannot be trusted',
    reaction: 'restore',
    http: 503,
    grpc: 'UNAVAILABLE',
  },
  STORE_CLOSED: { summary: 'the store is closed', ...rejoin },
  DISK_FULL: { summary: 'no space is left for local state; it goes on when there is', ...rejoin },
  STORE_FAILED: { summary: 'the store could not read or write', ...stop },
  ILLEGAL_STATE: { summary: 'an operation is not legal in this state', ...stop },

  // the sample platform, imports, the database
  DATABASE_UNAVAILABLE: { summary: 'Postgres does not answer', ...retry },
  INPUT_INVALID: { summary: 'an input file or row cannot be read', ...stop },
  CHECK_FAILED: { summary: 'results differ from an independent recomputation', ...stop },
} as const satisfies Record<string, ErrorCodeRow>;

export type ErrorCode = keyof typeof errorCodes;
