import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { silentLogger } from '../../../kernel/logger.ts';
import { noMetrics } from '../../../kernel/metrics.ts';
import { RocksDbEngine } from '../../../stores/rocksdb-engine.ts';
import { StateDirectory } from '../../../stores/state-directory.ts';
import { StateCache } from '../../../stores/state-cache.ts';
import { TaskState } from '../../../stores/task-state.ts';
import { restoreState } from '../../../streams/restore.ts';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import { runCommand } from '../../../tools/cli.ts';
import type { CliContext } from '../../../tools/cli-context.ts';
import { stateCommand } from '../../../tools/commands/state.ts';
import { verifyGuard, type GuardReport } from '../../../tools/verify/verify-guard.ts';
import type { FetchedRecord } from '../../../streams/index.ts';
import { partitionFor } from '../../../kernel/murmur2.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';
import {
  askGuard,
  captureHotel,
  guardEventsTopic,
  guardPartitionCount,
  guardTestTopology,
  hotel,
  lockOne,
  startGuard,
} from '../../support/guard-driver.ts';

/** Of the hotel's only type: every hold lies there. */
const partition = partitionFor(Buffer.from(partitionKeyOf(hotel)), guardPartitionCount);
const decisions = { topic: 'test-decisions', partition };
const changelog = { topic: 'test-guard-changelog', partition };
const events = { topic: guardEventsTopic, partition };
let driver: TopologyTestDriver;
let stateDir: string;

/** Locks, changes, conflicts, releases one by one and in bulk, expiries, a room that leaves: all there is. */
beforeEach(async () => {
  stateDir = mkdtempSync(path.join(tmpdir(), 'rollguard-verify-'));
  driver = await startGuard();
  await captureHotel(driver);
  const { tenantId, roomIds } = hotel;
  const [roomId] = roomIds;
  const by = { reason: 'TEST', actor: 'test', correlationId: undefined, metadata: {} };
  const first = await lockOne(driver, { reservationId: 'r1', roomId });
  await lockOne(driver, { reservationId: 'r1', roomId, stayEnd: '2026-05-03' });
  await lockOne(driver, { reservationId: 'r2', roomId });
  const lockId = first.status === 'LOCKED' ? first.lock.lockId : '';
  const release = { kind: 'release', tenantId, lockId, reservationId: undefined } as const;
  await askGuard(driver, { ...release, ...by, version: undefined });
  await lockOne(driver, { reservationId: 'r3' });
  await askGuard(driver, {
    ...{ kind: 'bulk-release', tenantId, lockIds: undefined, reservationId: 'r3' },
    ...{ roomId: undefined, roomTypeId: undefined, window: undefined, ...by },
  });
  await lockOne(driver, { reservationId: 'r4', ttlSeconds: 60 });
  await driver.advance(61_000);
  await lockOne(driver, { reservationId: 'r5', roomId });
  await driver.close();
  await storeOnDisk();
});

/** The stores as a start would bring them up: a store on disk takes real time, which a driver has not. */
async function storeOnDisk(): Promise<void> {
  const { clock, kafka } = driver;
  const common = { clock, logger: silentLogger, signal: new AbortController().signal };
  const directory = await StateDirectory.open({
    ...{ stateDir, applicationId: 'test', metrics: noMetrics, ...common },
  });
  const port = kafka.client('store');
  for (const name of ['intake', 'guard']) {
    const topic = `test-${name}-changelog`;
    const topicId = (await port.admin.describeTopics([topic]))[0]?.topicId ?? '';
    for (const task of [0, 1]) {
      const rules = { topicId, ageMaxMs: Infinity };
      const state = new TaskState({
        engine: await directory.openEngine(`${name}_${task}`, rules),
        ...{
          cache: new StateCache({ cacheBytesMax: 0, restoreBytesMax: Infinity }),
          checkpointRecordsMax: Infinity,
          checkpointBytesMax: Infinity,
        },
        ...{ checkpointIntervalMs: Infinity, recordBytesMax: () => Infinity, nowMs: clock.nowMs() },
      });
      const changelogPartition = { topic, topicId, partition: task };
      const progress = (): void => undefined;
      await restoreState({ port, state, changelog: changelogPartition, progress, ...common });
      await state.close(clock.nowMs());
    }
  }
  await directory.close();
}

afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function verify(): Promise<GuardReport> {
  return verifyGuard({
    ...{ topology: guardTestTopology(), applicationId: 'test', eventsTopic: guardEventsTopic },
    ...{ port: driver.kafka.client('verify'), stateDir, tombstoneRetentionMs: 3_600_000 },
    ...{ clock: driver.clock, logger: silentLogger, progress: () => undefined },
    signal: new AbortController().signal,
  });
}

function last({ topic, partition: of }: typeof decisions): FetchedRecord {
  const record = driver.kafka
    .log({ topic, partition: of })
    .readCommitted(0, Infinity)
    .records.at(-1);
  if (record === undefined) throw new Error(`${topic}-${of} is empty`);
  return record;
}

const differing = ({ tasks, events: of }: GuardReport): readonly string[] =>
  [...tasks, ...of].flatMap((each) => each.differing);

describe('state verify of the guard', () => {
  test('store, changelog and decisions are equal, and every event follows from a decision', async () => {
    const report = await verify();

    expect(differing(report)).toEqual([]);
    expect(report.isEqual).toBe(true);
    expect(report.tasks.map(({ task }) => task)).toEqual([
      ...['intake_0', 'intake_1', 'reservations_0', 'reservations_1', 'guard_0', 'guard_1'],
    ]);
    const guard = report.tasks.filter(({ task }) => task.startsWith('guard_'));
    for (const { store, changelog: of, decisions: again, decisionCount } of guard) {
      expect([store, again]).toEqual([of, of]);
      expect(decisionCount).toBeGreaterThan(2);
    }
    const [written] = report.events.filter((each) => each.partition === partition);
    // Four grants and a change, two releases of two events each, an expiry.
    expect(written).toMatchObject({ events: 10, implied: 10 });
    expect(written?.hash).toBe(written?.impliedHash);
  });

  test('a store that differs from its changelog is told, with the entry', async () => {
    const engine = await RocksDbEngine.open(path.join(stateDir, 'test', `guard_${partition}`));
    const [entry] = await engine.range({ gte: Buffer.from('\u0005locks'), limit: 1 });
    const position = engine.position();
    if (entry === undefined || position === undefined) throw new Error('no hold is stored');
    await engine.write([{ key: entry[0], value: undefined }], position);
    await engine.close();
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)).toEqual([
      expect.stringMatching(/^locks "[0-9a-f-]{36}": the store and the changelog differ$/),
    ]);
  });

  test('a changelog that differs from the decisions is told, with the entry', async () => {
    const key = Buffer.from('\u0008versionssomething');
    driver.kafka.append(
      changelog.topic,
      { key, value: Buffer.from('9'), timestampMs: 1 },
      partition,
    );
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)).toEqual([
      'versions "something": the decisions and the changelog differ',
    ]);
  });

  test('an audit record that no decision tells of is told, and one that is missing', async () => {
    const name = (...parts: string[]): string => parts.map((part) => `${part}\u0000`).join('');
    const made = Buffer.from(`\u0005audit${name('some-lock', '0000000000000001')}`);
    const [found] = driver.kafka
      .log(changelog)
      .readCommitted(0, Infinity)
      .records.filter(({ key }) => String(key).startsWith('\u0005audit'));
    const value = Buffer.from('{}');
    driver.kafka.append(changelog.topic, { key: made, value, timestampMs: 1 }, partition);
    driver.kafka.append(
      changelog.topic,
      { key: found?.key ?? null, value: null, timestampMs: 1 },
      partition,
    );
    const told = differing(await verify()).filter((each) => each.includes('the decisions'));

    expect(told).toHaveLength(2);
    expect(told).toContainEqual(expect.stringMatching(/^audit \["some-lock","0{15}1"\]: /));
    expect(told).toContainEqual(expect.stringMatching(/^audit \["[0-9a-f-]{36}","\d{16}"\]: /));
  });

  test('a decision that was written twice is told, with its offset', async () => {
    const { value, offset } = last(decisions);
    driver.kafka.append(decisions.topic, { key: null, value, timestampMs: 1 }, partition);
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)[0]).toMatch(/^decision \d+: .*lock [0-9a-f-]{36} is not at version/);
    expect(differing(report)[0]).not.toContain(`decision ${offset}:`);
  });

  test('a decision that is missing is told by the holds that nothing tells of', async () => {
    driver.kafka.log(decisions).truncateFrom(last(decisions).offset);
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)).toContainEqual(expect.stringMatching(/^locks .* the decisions and/));
    expect(differing(report)).toContainEqual(expect.stringContaining('follows from no decision'));
  });

  test('an event that is missing is told', async () => {
    driver.kafka.log(events).truncateFrom(last(events).offset);
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)).toEqual([
      expect.stringMatching(/^inventory\.locked [0-9a-f-]{36} version \d+ is missing$/),
    ]);
  });

  test('an event that is there twice is told', async () => {
    const { key, value } = last(events);
    driver.kafka.append(events.topic, { key, value, timestampMs: 1 }, partition);
    const report = await verify();

    expect(report.isEqual).toBe(false);
    expect(differing(report)).toEqual([expect.stringContaining('is there 2 times')]);
  });

  test('an event in the wrong partition is told', async () => {
    const { key, value } = last(events);
    driver.kafka.append(events.topic, { key, value, timestampMs: 1 }, partition + 1);

    expect(differing(await verify())).toEqual([
      expect.stringContaining('follows from no decision'),
    ]);
  });

  test('events that were deleted are not compared, and it is said', async () => {
    driver.kafka.log(events).truncateBefore(3);
    const report = await verify();

    expect(report.truncated).toEqual([`${guardEventsTopic}-${partition} begins at offset 3`]);
    expect(report.events.map((each) => each.partition)).not.toContain(partition);
  });

  test('decisions that were deleted cannot be folded: it says so', async () => {
    driver.kafka.log(decisions).truncateBefore(1);

    await expect(verify()).rejects.toThrow(/begins at offset 1: what was deleted cannot be folded/);
  });
});

describe('rollguard state verify --service guard', () => {
  test('prints the hashes and ends with 0; with 3 and what differs after a difference', async () => {
    const equal = await stateVerify('--service', 'guard', '--application', 'test');
    const { value } = last(decisions);
    driver.kafka.append(decisions.topic, { key: null, value, timestampMs: 1 }, partition);
    const different = await stateVerify('--service', 'guard', '--application', 'test');
    const json = await stateVerify('--service', 'guard', '--application', 'test', '--json');

    expect(equal.exitCode).toBe(0);
    expect(equal.out).toMatch(/guard_0 +\d+ {2}([0-9a-f]{16}) {2}\1 {2}\1/);
    expect(equal.out).toContain('equal: store = changelog = decisions folded, every event once');
    expect(different.exitCode).toBe(3);
    expect(different.out).toMatch(/guard_\d: decision \d+: .* is not at version/);
    expect(different.out).toContain('DIFFERENT');
    expect(json.exitCode).toBe(3);
    expect(JSON.parse(json.out)).toMatchObject({
      isEqual: false,
      services: [{ service: 'guard', applicationId: 'test', isEqual: false }],
    });
  });

  test('an application id without its service is refused, and it says what to add', async () => {
    const { exitCode, err } = await stateVerify('--application', 'test');

    expect(exitCode).toBe(2);
    expect(err).toContain('--service guard');
  });
});

async function stateVerify(...args: readonly string[]) {
  let out = '';
  let err = '';
  const cli: CliContext = {
    version: '0.0.0',
    env: { KAFKA_BROKERS: 'unused:1', SCHEMA_REGISTRY_URL: 'http://unused' },
    clock: driver.clock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const program = new Command('rollguard').addCommand(
    stateCommand(cli, () => driver.kafka.client('cli')),
  );
  const verb = ['state', 'verify', '--state-dir', stateDir, ...args];
  return { exitCode: await runCommand(program, verb, cli), out, err };
}
