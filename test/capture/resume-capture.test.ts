/** Whether a connector that is made again goes on where the capture ended, in its epoch. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CaptureLog } from '../../capture/capture-log.ts';
import type { CaptureEvent } from '../../capture/capture-standing.ts';
import { resumeCapture } from '../../capture/resume-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import type { ConnectorDefinition } from '../../connectors/connector-config.ts';
import { deployedEpoch } from '../../connectors/debezium-postgres.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { FakeConnect } from '../connectors/fake-connect.ts';

const name = 'rollguard-platform';
const connector: ConnectorDefinition = { name, config: { 'topic.prefix': 'platform' } };
const identity = { system: '7', timeline: 1 };
const followed: CaptureEvent = { type: 'following', epoch: 0, atMs: 1, ...identity };
const recovered: readonly CaptureEvent[] = [
  { type: 'recovering', epoch: 3, atMs: 2 },
  { type: 'recovered', epoch: 3, atMs: 3, ...identity },
];

let connect: FakeConnect;
let port: KafkaPort;

beforeEach(async () => {
  connect = await FakeConnect.start();
  port = new InProcessKafka(systemClock).client();
});
afterEach(() => connect.stop());

async function logged(...events: readonly CaptureEvent[]): Promise<void> {
  const log = new CaptureLog(port, 'platform');
  for (const event of events) await log.append(event);
}

function resumed(dryRun = false): Promise<ConnectorDefinition> {
  const client = new ConnectClient({ url: connect.url, clock: systemClock });
  return resumeCapture({ client, connector, topicPrefix: 'platform', port, dryRun });
}

describe('a connector that is made again', () => {
  test('is in the epoch of the last recovery, where Connect knows its place', async () => {
    await logged(followed, ...recovered);
    connect.offsets.set(name, { lsn: 5 });

    expect(deployedEpoch((await resumed()).config)).toBe(3);
    expect(connect.connectors.size).toBe(0);
  });

  test('is not made where the place is forgotten: what was deleted since would stay unseen', async () => {
    await logged(followed);

    await expect(resumed()).rejects.toThrow('rollguard connectors recover');
    expect(connect.connectors.size).toBe(0);
  });

  test('is not let go on where a recovery was killed before its reading', async () => {
    await logged(followed, { type: 'recovering', epoch: 1, atMs: 2 });
    connect.connectors.set(name, { config: {}, state: 'STOPPED', tasks: [], taskConfig: {} });

    await expect(resumed()).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
    expect(connect.connectors.get(name)?.state).toBe('STOPPED');
  });

  test('is made as it is where nothing was captured before, and a plan asks for nothing', async () => {
    const first = await resumed();
    await logged(followed);
    const planned = await resumed(true);

    expect([first, planned]).toEqual([connector, connector]);
    expect(connect.writes).toEqual([]);
  });

  test('stays what it is while it is there', async () => {
    await logged(followed, ...recovered);
    connect.connectors.set(name, { config: {}, state: 'RUNNING', tasks: [], taskConfig: {} });

    expect(await resumed()).toBe(connector);
    expect(connect.writes).toEqual([]);
  });
});
