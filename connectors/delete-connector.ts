/**
 * A connector taken away. With its slot and its offsets, which Connect keeps, one of the same name goes
 * on where this one ended, without a gap. Without the slot the offsets must go, too: a new slot lies
 * ahead of an old offset, which the connector refuses as the gap it is.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { ConnectClient, ConnectorStatus } from './connect-client.ts';

const pollIntervalMs = 250;

export interface StopOptions {
  readonly client: ConnectClient;
  readonly name: string;
  readonly clock: Clock;
  /** How long its tasks may take to end. */
  readonly waitTimeoutMs: number;
}

export interface DeleteOptions extends StopOptions {
  /** True: Connect forgets how far it has read, so that the next one begins with a snapshot. */
  readonly forgetOffsets: boolean;
}

/**
 * Resolves when the tasks have ended, too: Connect answers before they have.
 * @throws CONNECTOR_FAILED when they do not end in time; CONNECT_UNAVAILABLE and CONNECT_REFUSED.
 */
export async function deleteConnector(options: DeleteOptions): Promise<void> {
  const { client, name, clock } = options;
  const deadlineMs = clock.monotonicMs() + options.waitTimeoutMs;
  if (options.forgetOffsets) {
    // Connect lets only a stopped connector's offsets go.
    await stopConnector(options);
    await client.deleteOffsets(name);
  }
  await client.delete(name);
  const failure = 'is deleted, but its tasks do not end';
  await waitForStatus({ ...options, deadlineMs, failure }, (status) => status === undefined);
}

/**
 * Resolves when its tasks have ended; configuration and offsets stay.
 * @throws CONNECTOR_FAILED when they do not end in time; CONNECT_UNAVAILABLE and CONNECT_REFUSED.
 */
export async function stopConnector(options: StopOptions): Promise<void> {
  const deadlineMs = options.clock.monotonicMs() + options.waitTimeoutMs;
  await options.client.stop(options.name);
  await waitForStatus({ ...options, deadlineMs, failure: 'does not stop' }, isStopped);
}

function isStopped(status: ConnectorStatus | undefined): boolean {
  return status?.connector.state === 'STOPPED' && status.tasks.length === 0;
}

interface StatusWait extends StopOptions {
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  readonly failure: string;
}

async function waitForStatus(
  { client, name, clock, deadlineMs, failure, waitTimeoutMs }: StatusWait,
  isReached: (status: ConnectorStatus | undefined) => boolean,
): Promise<void> {
  while (!isReached(await client.status(name))) {
    if (clock.monotonicMs() >= deadlineMs) {
      const seconds = Math.round(waitTimeoutMs / 1_000);
      const message = `connector ${name} ${failure} within ${seconds} s; see the Connect worker's log`;
      throw new RollguardError('CONNECTOR_FAILED', message);
    }
    await clock.sleep(pollIntervalMs);
  }
}
