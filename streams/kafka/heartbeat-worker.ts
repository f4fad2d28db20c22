/**
 * The thread that heartbeats for members whose own thread is busy: connections of its own, one stand-in
 * for each membership. It is loaded by `heartbeat-worker.mjs` and started by `heartbeat-thread.ts`.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../kernel/clock.ts';
import { createLogger } from '../../kernel/logger.ts';
import type { BrokerAddress, ConnectionOptions } from './broker-connection.ts';
import { BrokerPool } from './broker-pool.ts';
import { Cluster } from './cluster.ts';
import { askCoordinator, type KafkaClient } from './kafka-client.ts';
import { heartbeatRequest } from './protocol/group-messages.ts';
import type { GroupGeneration } from './protocol/transaction-messages.ts';
import { Retries } from './retries.ts';
import { standIn, type WatchedMembership } from './stand-in.ts';

/** Copied into the thread, so nothing in it can be a function. */
export interface HeartbeatWorkerData extends Omit<ConnectionOptions, 'clock' | 'logger'> {
  readonly seeds: readonly BrokerAddress[];
  readonly requestTimeoutMs: number;
}

const stderr = 2;

/** Serves every membership that it is told of until the thread is ended. */
export function runHeartbeatWorker(): void {
  const { seeds, requestTimeoutMs, ...connection } = workerData as HeartbeatWorkerData;
  const clock = systemClock;
  // The thread's own stderr goes through the main thread, which is busy when there is something to say.
  const write = (line: string): void => void writeSync(stderr, `${line}\n`);
  const logger = createLogger({ level: 'warn', clock, write });
  const pool = new BrokerPool({
    ...connection,
    route: (advertised) => advertised,
    clock,
    logger,
    onClose: () => undefined,
  });
  const { signal } = new AbortController();
  const client: KafkaClient = {
    cluster: new Cluster({ pool, seeds, attemptTimeoutMs: Math.ceil(requestTimeoutMs / 3) }),
    retries: new Retries({ clock, requestTimeoutMs, signal }),
    ...{ clock, logger, requestTimeoutMs },
  };
  const heartbeat = (generation: GroupGeneration, timeoutMs: number): Promise<unknown> =>
    askCoordinator(client, {
      pool,
      kind: 'group',
      key: generation.groupId,
      what: `group ${generation.groupId}: heartbeat for a busy thread`,
      message: heartbeatRequest(generation),
      errorsOf: (answer) => [answer],
      sendOnce: false,
      timeoutMs,
    });
  parentPort?.on('message', (watched: WatchedMembership) => {
    void standIn({ watched, heartbeat, clock, logger });
  });
}
