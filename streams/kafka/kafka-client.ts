/**
 * What every role of the adapter shares: the cluster's metadata, the retries, and how a coordinator and
 * the leaders of partitions are asked. Each role brings its own connections.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { BrokerPool } from './broker-pool.ts';
import { isUnreachable, type Cluster } from './cluster.ts';
import { brokerError, worstError, type BrokerErrorReaction } from './error-reactions.ts';
import type { TopicPartition } from './port.ts';
import type { CoordinatorKind } from './protocol/find-coordinator.ts';
import type { Message, PartitionError } from './protocol/message.ts';
import type { Retries } from './retries.ts';

export interface KafkaClient {
  readonly cluster: Cluster;
  readonly retries: Retries;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly requestTimeoutMs: number;
}

export interface CoordinatorRequest<Response> {
  readonly pool: BrokerPool;
  readonly kind: CoordinatorKind;
  /** Group id or transactional id. */
  readonly key: string;
  /** Names the request in messages. */
  readonly what: string;
  readonly message: Message<Response>;
  /** What has to be answered, or to be so, before the request is sent; asked before each attempt. */
  readonly ahead?: (
    send: <Ahead>(message: Message<Ahead>) => Promise<Ahead>,
  ) => Promise<void> | void;
  /** The error codes in the answer. */
  readonly errorsOf: (response: Response) => readonly { readonly errorCode: number }[];
  /**
   * True for requests of an open transaction: without a definite answer they are not sent again, since a
   * late copy would act on the next transaction; the call then throws OUTCOME_UNKNOWN.
   */
  readonly sendOnce: boolean;
  /** The longest that the coordinator may take to answer; the request time-out unless given. */
  readonly timeoutMs?: number;
}

/** Asks a group's or transaction's coordinator, finding it anew when it has moved. */
export function askCoordinator<Response>(
  { cluster, retries }: KafkaClient,
  request: CoordinatorRequest<Response>,
): Promise<Response> {
  const { pool, kind, key, what, message } = request;
  const attempt = async (remainingMs: number): Promise<Response> => {
    const coordinator = await cluster.coordinator(kind, key, remainingMs);
    let response: Response;
    try {
      await request.ahead?.((first) => pool.send(coordinator, first, remainingMs));
      response = await pool.send(coordinator, message, remainingMs);
    } catch (error) {
      cluster.forgetCoordinator(kind, key);
      throw request.sendOnce ? outcomeOf(error, what) : error;
    }
    const failed = worstError(request.errorsOf(response));
    if (failed === undefined) return response;
    const error = brokerError(failed.errorCode, what);
    if (isMoved(error)) cluster.forgetCoordinator(kind, key);
    throw error;
  };
  return retries.run(what, attempt, request.timeoutMs);
}

export interface LeadersRequest<Answer extends PartitionError> {
  readonly pool: BrokerPool;
  readonly partitions: readonly TopicPartition[];
  /** Names the request in messages. */
  readonly what: string;
  /** Of the partitions of one leader. */
  readonly message: (ofLeader: readonly TopicPartition[]) => Message<readonly Answer[]>;
  /** The answers whose errors end the attempt. */
  readonly errorsOf: (answers: readonly Answer[]) => readonly Answer[];
  /** As of `CoordinatorRequest`. */
  readonly timeoutMs?: number;
}

/** Asks the leader of each partition, finding them anew when one has moved. */
export function askLeaders<Answer extends PartitionError>(
  { cluster, retries }: KafkaClient,
  { pool, partitions, what, message, errorsOf, timeoutMs }: LeadersRequest<Answer>,
): Promise<readonly Answer[]> {
  const attempt = async (remainingMs: number): Promise<readonly Answer[]> => {
    const leaders = await cluster.byLeader(partitions, remainingMs);
    try {
      const answers = await Promise.all(
        leaders.map(([leader, ofLeader]) => pool.send(leader, message(ofLeader), remainingMs)),
      );
      const found = answers.flat();
      const failed = worstError(errorsOf(found));
      if (failed === undefined) return found;
      throw brokerError(failed.errorCode, `${what} of ${failed.topic}-${failed.partition}`);
    } catch (error) {
      cluster.forgetLeaders(partitions);
      throw error;
    }
  };
  return retries.run(what, attempt, timeoutMs);
}

/** What a failed send means for a request that must not be sent twice. */
export function outcomeOf(error: unknown, what: string): unknown {
  if (!isRollguardError(error) || isUnreachable(error) || error.code === 'ILLEGAL_STATE')
    return error;
  // Refused before anything was sent: recovering would meet the same.
  if (error.code === 'KAFKA_FATAL' && error.context['wasSent'] !== true) return error;
  return new RollguardError(
    'OUTCOME_UNKNOWN',
    `${what}: sent, but no definite answer came (${error.message}); recover() settles it`,
    { cause: error },
  );
}

function isMoved(error: RollguardError): boolean {
  return error.context['reaction'] === ('find-coordinator' satisfies BrokerErrorReaction);
}
