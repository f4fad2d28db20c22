/** Whether captured changes are missing: what is kept of it in Kafka, and a look of one's own. */
import { CaptureLog } from '../../capture/capture-log.ts';
import { judgeCapture, type CaptureVerdict } from '../../capture/judge-capture.ts';
import { observeCapture } from '../../capture/observe-capture.ts';
import type { ConnectClient } from '../../connectors/connect-client.ts';
import { openDatabase } from '../../database/connection.ts';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { Known } from './capture-lag.ts';

export interface CaptureVerdictOptions {
  readonly databaseUrl: string | undefined;
  readonly brokers: string | undefined;
  readonly connect: ConnectClient;
  readonly connectorName: string;
  readonly slot: string;
  readonly topicPrefix: string;
  readonly clock: Clock;
}

const requestTimeoutMs = 3_000;

/** Nothing is written: what is found is kept by the services. */
export async function captureVerdict(
  options: CaptureVerdictOptions,
): Promise<Known<CaptureVerdict>> {
  const { brokers = '', topicPrefix, clock } = options;
  if (brokers === '') return { unknown: 'KAFKA_BROKERS is not set' };
  const port = createKafkajsPort({
    brokers: brokers.split(','),
    ...{ clientId: 'rollguard-cli', clock, logger: silentLogger, requestTimeoutMs },
  });
  try {
    const standing = await new CaptureLog(port, topicPrefix).read();
    return { value: judgeCapture(await look(options), standing) };
  } catch (error) {
    return { unknown: messageOf(error) };
  } finally {
    await port.close();
  }
}

async function look({
  databaseUrl,
  connect,
  connectorName,
  slot,
}: CaptureVerdictOptions): ReturnType<typeof observeCapture> {
  const names = { setting: 'PLATFORM_DATABASE_URL', applicationName: 'rollguard connectors' };
  const database =
    databaseUrl === undefined
      ? undefined
      : await openDatabase({ url: databaseUrl, ...names, isReadOnly: true }).catch(() => undefined);
  try {
    return await observeCapture({ database, connect, connectorName, slotName: slot }, undefined);
  } finally {
    await database?.close();
  }
}
