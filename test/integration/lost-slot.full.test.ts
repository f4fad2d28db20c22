/**
 * A recovery that is killed at each of its steps, a capture that is ended and begun again: the gap stays told
 * until a recovery is complete, and then the topics say what the tables say.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readStanding, type RecoverOptions } from '../../capture/recover-capture.ts';
import { resumeCapture } from '../../capture/resume-capture.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { deployedEpoch, toConnect } from '../../connectors/debezium-postgres.ts';
import { deleteConnector } from '../../connectors/delete-connector.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { KafkaPort, PlainProducer } from '../../streams/kafka/port.ts';
import { eventually } from './captured.ts';
import { OwnCapture } from './own-capture.ts';

const timeoutMs = 600_000;

/** Nothing of a recovery is put right when it fails, so that what it leaves is what a kill leaves. */
class Killed extends Error {}

describe('a recovery on the real stack', () => {
  let own: OwnCapture;

  beforeAll(async () => {
    own = await OwnCapture.start('killed_recovery');
  }, timeoutMs);

  afterAll(() => own.close(), timeoutMs);

  test(
    'that is killed leaves the gap told, and run again to its end closes it',
    async () => {
      const watch = own.startWatch();
      const wasSeen = await eventually(seenAtAll, Boolean);
      await own.dropSlotInUse();
      await eventually(() => Promise.resolve(watch.notReady()), Boolean);
      await loseSome();
      const killed: string[] = [];
      for (const [step, options] of kills()) {
        const error: unknown = await own.recover(options).catch((thrown: unknown) => thrown);
        const { gap } = await readStanding(own.port, own.name);
        if (error instanceof Killed && gap !== undefined) killed.push(step);
        await own.feed();
      }
      const toldBefore = watch.notReady();
      const report = await own.recover();
      await own.feed();
      const end = await eventually(
        () => own.compare(),
        ({ differences }) => differences.length === 0,
      );

      expect(wasSeen).toBe(true);
      expect(killed).toEqual(kills().map(([step]) => step));
      expect(toldBefore).toContain('slot-missing');
      expect(report.epoch).toBe(kills().length + 1);
      expect(report.tables.find(({ table }) => table === 'public.reservations')?.deleted).toBe(5);
      expect(end.differences).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'is asked for where the capture was ended and its slot dropped; a capture only ended keeps its epoch',
    async () => {
      const { epoch } = await readStanding(own.port, own.name);
      const stop = { client: own.client, name: own.name, clock: systemClock };
      await deleteConnector({ ...stop, waitTimeoutMs: 30_000, forgetOffsets: false });
      const kept = await resume();
      await own.apply(kept);
      await own.deleteAll();
      await loseSome();
      const refused = await resume().catch((error: unknown) => error);
      const leftThere = await own.client.config(own.name);
      await own.recover();
      await own.feed();
      const end = await eventually(
        () => own.compare(),
        ({ differences }) => differences.length === 0,
      );

      expect(deployedEpoch(kept.config)).toBe(epoch);
      expect(epoch).toBeGreaterThan(0);
      expect(refused).toMatchObject({ code: 'ILLEGAL_STATE' });
      expect(leftThere).toBeUndefined();
      expect(end.differences).toEqual([]);
    },
    timeoutMs,
  );

  async function seenAtAll(): Promise<boolean> {
    return (await readStanding(own.port, own.name)).followed !== undefined;
  }

  function resume() {
    const { client, port, name: topicPrefix } = own;
    const connector = toConnect(own.connector);
    return resumeCapture({ client, connector, topicPrefix, port, dryRun: false });
  }

  async function loseSome(): Promise<void> {
    await own.admin.query('SET session_replication_role = replica');
    await own.admin.query(
      'DELETE FROM reservations WHERE id IN (SELECT id FROM reservations ORDER BY id LIMIT 5)',
    );
  }

  /** In the order in which a recovery comes to them. */
  function kills(): readonly (readonly [step: string, options: Partial<RecoverOptions>])[] {
    return [
      ['before the connector is stopped', { progress: killingAt('stopping') }],
      ['when its place is forgotten', { client: clientKilledAfter('deleteOffsets') }],
      ['when the slot is dropped', { progress: killingAt('reading') }],
      ['when the connector reads', { client: clientKilledAfter('resume') }],
      ['when the tables are read', { progress: killingAt('public.rooms:') }],
      ['when the deletions are written', { port: portKilledAtClose() }],
    ];
  }

  function clientKilledAfter(method: 'deleteOffsets' | 'resume'): ConnectClient {
    const client = new ConnectClient({ url: own.client.url, clock: systemClock });
    const original = client[method].bind(client);
    client[method] = async (name) => {
      await original(name);
      throw new Killed(method);
    };
    return client;
  }

  /** The log has a producer first. */
  function portKilledAtClose(): KafkaPort {
    const { port } = own;
    let opened = 0;
    const openPlainProducer = async (): Promise<PlainProducer> => {
      const producer = await port.openPlainProducer();
      opened += 1;
      if (opened === 1) return producer;
      const close = producer.close.bind(producer);
      producer.close = async () => {
        await close();
        throw new Killed('written');
      };
      return producer;
    };
    const { admin } = port;
    const openReader = port.openReader.bind(port);
    return Object.assign(Object.create(port) as KafkaPort, {
      openPlainProducer,
      openReader,
      admin,
    });
  }
});

function killingAt(step: string): (line: string) => void {
  return (line) => {
    if (line.includes(step)) throw new Killed(line);
  };
}
