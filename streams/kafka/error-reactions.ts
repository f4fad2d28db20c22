/**
 * THE table of Kafka's error codes: what each means for whoever asked. Every code that the Java client
 * knows has a row; a newer one is treated as fatal. Where one request gives a code a meaning of its own
 * (27 in a heartbeat), its caller looks before it asks here.
 */
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';

export type BrokerErrorReaction =
  /** ask again after a moment */
  | 'wait'
  /** the leader has moved, or is not known yet: learn it anew, then ask again */
  | 'find-leader'
  /** the coordinator has moved, or is not up yet: find it anew, then ask again */
  | 'find-coordinator'
  /** like find-leader; but if it lasts, the topic does not exist */
  | 'find-topic'
  /** this transaction cannot be committed; the producer is still ours */
  | 'abort'
  /** the transactional id is, or may be, somebody else's: only InitProducerId can tell */
  | 'fenced'
  /** another process has the group instance id */
  | 'replaced'
  /** broker and producer disagree about the transaction: settle it by InitProducerId */
  | 'recover'
  /** the group has moved on */
  | 'generation'
  | 'too-large'
  | 'out-of-range'
  /** a person must mend something */
  | 'fatal';

export interface BrokerErrorRow {
  readonly name: string;
  readonly reaction: BrokerErrorReaction;
}

const row = (name: string, reaction: BrokerErrorReaction): BrokerErrorRow => ({ name, reaction });

export const brokerErrors: ReadonlyMap<number, BrokerErrorRow> = new Map([
  // Answers to requests that we make.
  [-1, row('UNKNOWN_SERVER_ERROR', 'wait')],
  [1, row('OFFSET_OUT_OF_RANGE', 'out-of-range')],
  [2, row('CORRUPT_MESSAGE', 'wait')],
  [3, row('UNKNOWN_TOPIC_OR_PARTITION', 'find-topic')],
  [4, row('INVALID_FETCH_SIZE', 'fatal')],
  [5, row('LEADER_NOT_AVAILABLE', 'find-leader')],
  [6, row('NOT_LEADER_OR_FOLLOWER', 'find-leader')],
  [7, row('REQUEST_TIMED_OUT', 'wait')],
  [8, row('BROKER_NOT_AVAILABLE', 'find-leader')],
  [9, row('REPLICA_NOT_AVAILABLE', 'find-leader')],
  [10, row('MESSAGE_TOO_LARGE', 'too-large')],
  [12, row('OFFSET_METADATA_TOO_LARGE', 'fatal')],
  [13, row('NETWORK_EXCEPTION', 'find-leader')],
  [14, row('COORDINATOR_LOAD_IN_PROGRESS', 'wait')],
  [15, row('COORDINATOR_NOT_AVAILABLE', 'find-coordinator')],
  [16, row('NOT_COORDINATOR', 'find-coordinator')],
  [17, row('INVALID_TOPIC_EXCEPTION', 'fatal')],
  [18, row('RECORD_LIST_TOO_LARGE', 'too-large')],
  [19, row('NOT_ENOUGH_REPLICAS', 'wait')],
  [20, row('NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'wait')],
  [21, row('INVALID_REQUIRED_ACKS', 'fatal')],
  [22, row('ILLEGAL_GENERATION', 'generation')],
  [23, row('INCONSISTENT_GROUP_PROTOCOL', 'fatal')],
  [24, row('INVALID_GROUP_ID', 'fatal')],
  [25, row('UNKNOWN_MEMBER_ID', 'generation')],
  [26, row('INVALID_SESSION_TIMEOUT', 'fatal')],
  [27, row('REBALANCE_IN_PROGRESS', 'generation')],
  [28, row('INVALID_COMMIT_OFFSET_SIZE', 'fatal')],
  [29, row('TOPIC_AUTHORIZATION_FAILED', 'fatal')],
  [30, row('GROUP_AUTHORIZATION_FAILED', 'fatal')],
  [31, row('CLUSTER_AUTHORIZATION_FAILED', 'fatal')],
  [32, row('INVALID_TIMESTAMP', 'fatal')],
  [33, row('UNSUPPORTED_SASL_MECHANISM', 'fatal')],
  [34, row('ILLEGAL_SASL_STATE', 'fatal')],
  [35, row('UNSUPPORTED_VERSION', 'fatal')],
  [36, row('TOPIC_ALREADY_EXISTS', 'fatal')],
  [37, row('INVALID_PARTITIONS', 'fatal')],
  [38, row('INVALID_REPLICATION_FACTOR', 'fatal')],
  [39, row('INVALID_REPLICA_ASSIGNMENT', 'fatal')],
  [40, row('INVALID_CONFIG', 'fatal')],
  [41, row('NOT_CONTROLLER', 'find-leader')],
  [42, row('INVALID_REQUEST', 'fatal')],
  [43, row('UNSUPPORTED_FOR_MESSAGE_FORMAT', 'fatal')],
  [44, row('POLICY_VIOLATION', 'fatal')],
  // The broker's sequence and ours differ: something was lost or came twice.
  [45, row('OUT_OF_ORDER_SEQUENCE_NUMBER', 'recover')],
  [46, row('DUPLICATE_SEQUENCE_NUMBER', 'recover')],
  // A successor, or the coordinator after the transaction's time-out: both look like this.
  [47, row('INVALID_PRODUCER_EPOCH', 'fenced')],
  [48, row('INVALID_TXN_STATE', 'recover')],
  [49, row('INVALID_PRODUCER_ID_MAPPING', 'fenced')],
  [50, row('INVALID_TRANSACTION_TIMEOUT', 'fatal')],
  [51, row('CONCURRENT_TRANSACTIONS', 'wait')],
  [52, row('TRANSACTION_COORDINATOR_FENCED', 'find-coordinator')],
  [53, row('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'fatal')],
  [54, row('SECURITY_DISABLED', 'fatal')],
  // Told of the blameless partitions of a refused request; alone it asks for another try.
  [55, row('OPERATION_NOT_ATTEMPTED', 'wait')],
  [56, row('KAFKA_STORAGE_ERROR', 'find-leader')],
  [58, row('SASL_AUTHENTICATION_FAILED', 'fatal')],
  [59, row('UNKNOWN_PRODUCER_ID', 'recover')],
  [69, row('GROUP_ID_NOT_FOUND', 'generation')],
  [70, row('FETCH_SESSION_ID_NOT_FOUND', 'wait')],
  [71, row('INVALID_FETCH_SESSION_EPOCH', 'wait')],
  [72, row('LISTENER_NOT_FOUND', 'find-leader')],
  [73, row('TOPIC_DELETION_DISABLED', 'fatal')],
  [74, row('FENCED_LEADER_EPOCH', 'find-leader')],
  [75, row('UNKNOWN_LEADER_EPOCH', 'find-leader')],
  [76, row('UNSUPPORTED_COMPRESSION_TYPE', 'fatal')],
  [78, row('OFFSET_NOT_AVAILABLE', 'wait')],
  [79, row('MEMBER_ID_REQUIRED', 'generation')],
  [81, row('GROUP_MAX_SIZE_REACHED', 'fatal')],
  [82, row('FENCED_INSTANCE_ID', 'replaced')],
  [87, row('INVALID_RECORD', 'fatal')],
  [88, row('UNSTABLE_OFFSET_COMMIT', 'wait')],
  [89, row('THROTTLING_QUOTA_EXCEEDED', 'wait')],
  [90, row('PRODUCER_FENCED', 'fenced')],
  [91, row('RESOURCE_NOT_FOUND', 'fatal')],
  [99, row('POSITION_OUT_OF_RANGE', 'out-of-range')],
  [100, row('UNKNOWN_TOPIC_ID', 'find-topic')],
  [103, row('INCONSISTENT_TOPIC_ID', 'find-topic')],
  [105, row('TRANSACTIONAL_ID_NOT_FOUND', 'fenced')],
  [108, row('NEW_LEADER_ELECTED', 'find-leader')],
  [109, row('OFFSET_MOVED_TO_TIERED_STORAGE', 'out-of-range')],
  [110, row('FENCED_MEMBER_EPOCH', 'generation')],
  [113, row('STALE_MEMBER_EPOCH', 'generation')],
  [120, row('TRANSACTION_ABORTABLE', 'abort')],

  // Answers to requests that we never make (elections, reassignments, delegation tokens, quorum, features,
  // share groups, telemetry, log directories, ACLs): should one come all the same, it has a name, and is
  // tried again only where the Java client would.
  [11, row('STALE_CONTROLLER_EPOCH', 'fatal')],
  [57, row('LOG_DIR_NOT_FOUND', 'fatal')],
  [60, row('REASSIGNMENT_IN_PROGRESS', 'fatal')],
  [61, row('DELEGATION_TOKEN_AUTH_DISABLED', 'fatal')],
  [62, row('DELEGATION_TOKEN_NOT_FOUND', 'fatal')],
  [63, row('DELEGATION_TOKEN_OWNER_MISMATCH', 'fatal')],
  [64, row('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', 'fatal')],
  [65, row('DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'fatal')],
  [66, row('DELEGATION_TOKEN_EXPIRED', 'fatal')],
  [67, row('INVALID_PRINCIPAL_TYPE', 'fatal')],
  [68, row('NON_EMPTY_GROUP', 'fatal')],
  [77, row('STALE_BROKER_EPOCH', 'fatal')],
  [80, row('PREFERRED_LEADER_NOT_AVAILABLE', 'wait')],
  [83, row('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'wait')],
  [84, row('ELECTION_NOT_NEEDED', 'wait')],
  [85, row('NO_REASSIGNMENT_IN_PROGRESS', 'fatal')],
  [86, row('GROUP_SUBSCRIBED_TO_TOPIC', 'fatal')],
  [92, row('DUPLICATE_RESOURCE', 'fatal')],
  [93, row('UNACCEPTABLE_CREDENTIAL', 'fatal')],
  [94, row('INCONSISTENT_VOTER_SET', 'fatal')],
  [95, row('INVALID_UPDATE_VERSION', 'fatal')],
  [96, row('FEATURE_UPDATE_FAILED', 'fatal')],
  [97, row('PRINCIPAL_DESERIALIZATION_FAILURE', 'fatal')],
  [98, row('SNAPSHOT_NOT_FOUND', 'fatal')],
  [101, row('DUPLICATE_BROKER_REGISTRATION', 'fatal')],
  [102, row('BROKER_ID_NOT_REGISTERED', 'fatal')],
  [104, row('INCONSISTENT_CLUSTER_ID', 'fatal')],
  [106, row('FETCH_SESSION_TOPIC_ID_ERROR', 'wait')],
  [107, row('INELIGIBLE_REPLICA', 'fatal')],
  [111, row('UNRELEASED_INSTANCE_ID', 'fatal')],
  [112, row('UNSUPPORTED_ASSIGNOR', 'fatal')],
  [114, row('MISMATCHED_ENDPOINT_TYPE', 'fatal')],
  [115, row('UNSUPPORTED_ENDPOINT_TYPE', 'fatal')],
  [116, row('UNKNOWN_CONTROLLER_ID', 'fatal')],
  [117, row('UNKNOWN_SUBSCRIPTION_ID', 'fatal')],
  [118, row('TELEMETRY_TOO_LARGE', 'fatal')],
  [119, row('INVALID_REGISTRATION', 'fatal')],
  [121, row('INVALID_RECORD_STATE', 'fatal')],
  [122, row('SHARE_SESSION_NOT_FOUND', 'wait')],
  [123, row('INVALID_SHARE_SESSION_EPOCH', 'wait')],
  [124, row('FENCED_STATE_EPOCH', 'fatal')],
  [125, row('INVALID_VOTER_KEY', 'fatal')],
  [126, row('DUPLICATE_VOTER', 'fatal')],
  [127, row('VOTER_NOT_FOUND', 'fatal')],
  [128, row('INVALID_REGULAR_EXPRESSION', 'fatal')],
  [129, row('REBOOTSTRAP_REQUIRED', 'fatal')],
  [130, row('STREAMS_INVALID_TOPOLOGY', 'fatal')],
  [131, row('STREAMS_INVALID_TOPOLOGY_EPOCH', 'fatal')],
  [132, row('STREAMS_TOPOLOGY_FENCED', 'fatal')],
  [133, row('SHARE_SESSION_LIMIT_REACHED', 'wait')],
]);

const codes: Readonly<Record<BrokerErrorReaction, ErrorCode>> = {
  wait: 'KAFKA_RETRIABLE',
  'find-leader': 'KAFKA_RETRIABLE',
  'find-coordinator': 'KAFKA_RETRIABLE',
  'find-topic': 'KAFKA_RETRIABLE',
  abort: 'TRANSACTION_ABORTED',
  fenced: 'PRODUCER_FENCED',
  recover: 'OUTCOME_UNKNOWN',
  generation: 'ILLEGAL_GENERATION',
  replaced: 'INSTANCE_FENCED',
  'too-large': 'RECORD_TOO_LARGE',
  'out-of-range': 'OFFSET_OUT_OF_RANGE',
  fatal: 'KAFKA_FATAL',
};

/** Kafka's codes that callers tell apart themselves. */
export const brokerErrorCode = {
  none: 0,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  topicAlreadyExists: 36,
  memberIdRequired: 79,
} as const;

const unlisted = row('an error that this client does not know', 'fatal');

export function reactionTo(errorCode: number): BrokerErrorReaction {
  return (brokerErrors.get(errorCode) ?? unlisted).reaction;
}

/** Asked again, the broker may answer. */
export function isPassing(errorCode: number): boolean {
  return codes[reactionTo(errorCode)] === 'KAFKA_RETRIABLE';
}

/**
 * The RollguardError for a broker's error code; KAFKA_RETRIABLE never leaves the adapter.
 * @param what what was asked of Kafka, e.g. `commit of transaction x`.
 * @param detail the broker's own words, where it has some.
 */
export function brokerError(
  errorCode: number,
  what: string,
  detail?: string | null,
): RollguardError {
  const { name, reaction } = brokerErrors.get(errorCode) ?? unlisted;
  const words = detail === undefined || detail === null ? '' : `: ${detail}`;
  return new RollguardError(
    codes[reaction],
    `${what}: Kafka answered ${name} (${errorCode})${words}`,
    {
      context: { kafkaErrorCode: errorCode, reaction },
    },
  );
}

// What must be told first when partitions of one request fail differently.
const severities: readonly BrokerErrorReaction[] = [
  'fenced',
  'recover',
  'fatal',
  'replaced',
  'generation',
  'abort',
  'too-large',
  'out-of-range',
  'find-topic',
  'find-coordinator',
  'find-leader',
  'wait',
];

/** Of several partitions' errors the one that decides; undefined when there is none. */
export function worstError<T extends { readonly errorCode: number }>(
  errors: readonly T[],
): T | undefined {
  const severity = ({ errorCode }: T): number => severities.indexOf(reactionTo(errorCode));
  const failed = errors.filter(({ errorCode }) => errorCode !== brokerErrorCode.none);
  return failed.reduce<T | undefined>(
    (worst, error) => (worst === undefined || severity(error) < severity(worst) ? error : worst),
    undefined,
  );
}
