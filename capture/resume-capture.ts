/**
 * What has to be known before a connector that is not there is made (again). Its records must not be older than
 * those of readings before: the epoch is the last one that the capture's log knows. And where capture was
 * followed before, it has to go on where it ended: one that does not know its place would read the tables and
 * nobody would hear that deletions of meanwhile are in no reading.
 */
import type { ConnectClient } from '../connectors/connect-client.ts';
import type { ConnectorDefinition } from '../connectors/connector-config.ts';
import { inEpoch } from '../connectors/debezium-postgres.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { KafkaPort } from '../streams/index.ts';
import { CaptureLog } from './capture-log.ts';

export interface ResumeOptions {
  readonly client: ConnectClient;
  readonly connector: ConnectorDefinition;
  readonly topicPrefix: string;
  readonly port: KafkaPort;
  /** True: nothing is asked that has to change something. */
  readonly dryRun: boolean;
}

/**
 * @returns the connector as it may be made; one that is there stays what it is.
 * @throws ILLEGAL_STATE when it would begin anew unseen; KAFKA_UNAVAILABLE, CONNECT_UNAVAILABLE and the like.
 */
export async function resumeCapture(options: ResumeOptions): Promise<ConnectorDefinition> {
  const { client, connector, port, topicPrefix, dryRun } = options;
  const isThere = (await client.config(connector.name)) !== undefined;
  const isStopped = isThere && (await client.status(connector.name))?.connector.state === 'STOPPED';
  if (isThere && !isStopped) return connector;
  const { followed, lastEpoch, epoch } = await new CaptureLog(port, topicPrefix).read();
  // Of one that has run, or was to: its place is looked up where it can be without making it.
  const wasFollowed = followed !== undefined || lastEpoch > epoch;
  if (wasFollowed && (isThere || !dryRun)) await assertPlaceKnown(options, isThere);
  return lastEpoch === 0 ? connector : inEpoch(connector, lastEpoch);
}

/** Connect tells the place only of a connector that it has. */
async function assertPlaceKnown(
  { client, connector, topicPrefix }: ResumeOptions,
  isThere: boolean,
): Promise<void> {
  const { name } = connector;
  if (!isThere) await client.createStopped(connector);
  const offset = await client.offset(name);
  if (!isThere) await client.delete(name);
  if (offset !== undefined) return;
  const message = `${topicPrefix} was captured before, and Connect does not know how far: what was deleted since would stay unseen; run \`rollguard connectors recover\`, which reads all tables anew and finds it`;
  throw new RollguardError('ILLEGAL_STATE', message, { context: { name } });
}
