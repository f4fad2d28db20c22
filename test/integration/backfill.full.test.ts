/**
 * The leader of the backfill, killed at twenty random moments while the platform writes: rows commit late,
 * out of order, and change after they were read. In the end the topic knows every row as the database has it.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { RowFacts } from '../../backfill/row-facts.ts';
import { openDatabase } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { seededRandom } from '../../kernel/random.ts';
import { parseSettings } from '../../kernel/settings.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { capturedColumns } from '../../topology/roll/captured-rows.ts';
import {
  mergeLifecycleRow,
  mergeReservationRow,
  noFacts,
  type ReservationFacts,
} from '../../topology/roll/facts.ts';
import {
  decodeMessage,
  readReservationFacts,
  splitKey,
  type ReservationFact,
} from '../../topology/roll/roll-messages.ts';
import { backfillTopic, rollApplicationId } from '../../topology/roll/roll-names.ts';
import { runBackfill } from '../../tools/backfill/run-backfill.ts';
import {
  addCommand,
  addHotel,
  addReservation,
  testPlatform,
  type Hotel,
  type TestPlatform,
} from './backfill-platform.ts';
import { testSchema } from './test-schema.ts';
import { portOn, root, systemOptions, testStack } from './test-system.ts';

const timeoutMs = 600_000;
const kills = 20;
const seed = systemClock.nowMs() % 1_000_000;
const suffix = `-crashes-${process.pid}-${seed}`;
const applicationId = rollApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: suffix });
const partitionCount = 4;

describe('the leader of the backfill', () => {
  const random = seededRandom(seed);
  let platform: TestPlatform;
  let port: KafkaPort;
  let hotel: Hotel;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const { endpoints } = await testStack();
    platform = await testPlatform();
    port = portOn(await testStack(), 'backfill-crashes');
    hotel = await addHotel(await platform.connect());
    const topics = [`${applicationId}-dlq`, backfillTopic(applicationId)];
    await port.admin.createTopics(
      topics.map((name, n) => ({
        name,
        partitionCount: n === 0 ? 1 : partitionCount,
        configs: {},
      })),
    );
    const ownUrl = await testSchema('backfill');
    const own = await openDatabase({ url: ownUrl, setting: 'X', applicationName: 'test' });
    await migrate(own).finally(() => own.close());
    environment = {
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      PLATFORM_DATABASE_URL: platform.readerUrl,
      ROLLGUARD_DATABASE_URL: ownUrl,
      KAFKA_CONSUMER_GROUP_SUFFIX: suffix,
      ROLL_SERVICE_BACKFILL_BATCH_SIZE: '20',
    };
  }, timeoutMs);

  afterAll(async () => {
    await port.close();
    await platform.close();
  });

  test(
    `killed at ${kills} random moments, loses nothing (seed ${seed})`,
    async () => {
      const stop = new AbortController();
      const writers = [1, 2, 3].map(async () => write(await platform.connect(), stop.signal));
      const ends = [0];
      for (let kill = 0; kill < kills; kill += 1) {
        await killedRun(random.integer(3_000) + 1_000);
        ends.push(await endOfTopic());
      }
      // What it had published before it was killed.
      const worked = ends.filter((end, n) => n > 0 && end > (ends[n - 1] ?? 0)).length;
      stop.abort();
      const written = (await Promise.all(writers)).reduce((sum, count) => sum + count, 0);
      // A pass goes on where the last one was killed; reservations without a command wait for a sweep.
      await wholeRun(false);
      await wholeRun(true);
      const last = await wholeRun(false);

      expect(worked).toBeGreaterThan(kills / 4);
      expect(written).toBeGreaterThan(100);
      expect(last).toBe(0);
      expect(await published()).toEqual(await inDatabase());
    },
    timeoutMs,
  );

  /** A receptionist: transactions of any length, with new commands and changed reservations. */
  async function write(client: pg.Client, signal: AbortSignal): Promise<number> {
    const mine = [await addReservation(client, hotel)];
    let count = 0;
    while (!signal.aborted) {
      await client.query('BEGIN');
      const reservation = mine[random.integer(mine.length)] ?? '';
      for (let n = random.integer(4); n >= 0; n -= 1) {
        await addCommand(client, hotel, reservation);
        count += 1;
      }
      await client.query('UPDATE reservations SET room_rate = $2 WHERE id = $1', [
        ...[reservation, random.integer(1_000)],
      ]);
      if (random.integer(3) === 0) mine.push(await addReservation(client, hotel));
      await systemClock.sleep(random.integer(400));
      await client.query(random.integer(5) === 0 ? 'ROLLBACK' : 'COMMIT');
      // One that was taken back with its transaction is nobody's any more.
      const { rows } = await client.query<{ id: string }>(
        'SELECT id FROM reservations WHERE id = ANY($1)',
        [mine],
      );
      mine.splice(0, mine.length, ...rows.map(({ id }) => id));
      await client.query(
        `UPDATE reservation_command_lifecycle SET current_state = 'CONSUMED'
         WHERE reservation_id = $1`,
        [mine[0]],
      );
    }
    return count;
  }

  async function killedRun(afterMs: number): Promise<void> {
    const args = [path.join(root, 'tools/rollguard.mjs'), 'backfill', 'run'];
    const child = spawn(process.execPath, args, {
      ...{ cwd: root, stdio: 'ignore', env: { ...process.env, ...environment } },
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await systemClock.sleep(afterMs);
    child.kill('SIGKILL');
    await ended;
  }

  async function endOfTopic(): Promise<number> {
    const ranges = await wholeTopics(port, [backfillTopic(applicationId)]);
    return ranges.reduce((sum, { to }) => sum + to, 0);
  }

  async function wholeRun(isSweep: boolean): Promise<number> {
    const { rows } = await runBackfill({
      ...{ settings: parseSettings(environment), port, tenantIds: undefined, filter: {} },
      ...{ isSweep, isDryRun: false, clock: systemClock, logger: silentLogger },
      ...{ signal: systemOptions.signal, progress: () => undefined },
    });
    return rows;
  }

  async function published(): Promise<readonly object[]> {
    const known = new Map<string, ReservationFacts>();
    await readRanges(port, await wholeTopics(port, [backfillTopic(applicationId)]), (record) => {
      const { key, message } = decodeMessage(record);
      known.set(key, mergeAll(key, readReservationFacts(message), known.get(key)));
      return true;
    });
    return withoutVersions(known);
  }

  async function inDatabase(): Promise<readonly object[]> {
    const url = environment['PLATFORM_DATABASE_URL'] ?? '';
    const database = await openDatabase({ url, setting: 'X', applicationName: 'test' });
    const facts = new RowFacts();
    for (const table of ['reservation_command_lifecycle', 'reservations'] as const) {
      const { rows } = await database.query(
        `SELECT ${capturedColumns[table].join(', ')} FROM ${table}`,
      );
      for (const row of rows) {
        if (table === 'reservations') facts.addReservation(row, 'v');
        else facts.addCommand(row, 'v');
      }
    }
    await database.close();
    return withoutVersions(
      new Map([...facts.byKey].map(([key, each]) => [key, mergeAll(key, each, undefined)])),
    );
  }
});

function mergeAll(
  key: string,
  facts: readonly ReservationFact[],
  known: ReservationFacts = noFacts(...splitKey(key)),
): ReservationFacts {
  return facts.reduce(
    (merged, fact) =>
      fact.type === 'reservation'
        ? mergeReservationRow(merged, fact.row, fact.version)
        : mergeLifecycleRow(merged, fact),
    known,
  );
}

/** As JSON has it, in the order of keys. */
function withoutVersions(known: ReadonlyMap<string, ReservationFacts>): readonly object[] {
  const plain = [...known.values()]
    .sort((left, right) => (left.reservationId < right.reservationId ? -1 : 1))
    .map(({ reservationId, reservation, commands }) => ({
      ...{ reservationId, reservation: reservation?.row },
      commands: commands.map(({ eventId, row }) => ({ eventId, row })),
    }));
  return JSON.parse(JSON.stringify(plain)) as readonly object[];
}
