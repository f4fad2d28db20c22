/** `rollguard connectors diff|restart|delete` as a shell sees them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { warnOfOpenConnect } from '../../tools/connectors/open-connect.ts';
import { FakeConnect } from '../connectors/fake-connect.ts';
import { SkippingClock } from '../connectors/skipping-clock.ts';

const name = 'rollguard-platform';
let connect: FakeConnect;
let folder: string;

beforeEach(async () => {
  connect = await FakeConnect.start();
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-connectors-'));
});
afterEach(async () => {
  await connect.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: {
      ROLLGUARD_STACK_DIR: folder,
      KAFKA_CONNECT_URL: connect.url,
      PLATFORM_DATABASE_URL: 'postgres://app@db:5432/platform',
      SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7',
    },
    clock: new SkippingClock(),
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['connectors', ...args], context);
  return { exitCode, out, err };
}

describe('connectors diff', () => {
  test('is 3 for a connector that is missing, 0 once it is applied', async () => {
    const missing = await run('diff');
    await run('apply', '--no-kafka');
    const equal = await run('diff');

    expect([missing.exitCode, equal.exitCode]).toEqual([3, 0]);
    expect(missing.out).toContain(`${name}: missing in Connect`);
    expect(equal.out).toBe(`${name}: equal\n`);
  });

  test('names each setting that was changed by hand, and apply mends it', async () => {
    await run('apply', '--no-kafka');
    const connector = connect.connectors.get(name)!;
    connector.config = { ...connector.config, 'heartbeat.interval.ms': '1', extra: 'by hand' };
    const changed = await run('diff', '--json');
    const writesBefore = connect.writes.length;
    const text = await run('diff');
    await run('apply', '--no-kafka');

    expect(changed.exitCode).toBe(3);
    expect(text.out).toContain('  heartbeat.interval.ms: 1 → 5000\n');
    expect(text.out).toContain('  extra: by hand → (not set)\n');
    expect(JSON.parse(changed.out)).toMatchObject({ isEqual: false, warnings: [] });
    expect(connect.writes.slice(writesBefore)).toEqual([`PUT /connectors/${name}/config`]);
    expect((await run('diff')).exitCode).toBe(0);
  });
});

describe('connectors restart', () => {
  test('starts it again and waits until it runs', async () => {
    await run('apply', '--no-kafka');
    connect.connectors.get(name)!.tasks = [{ state: 'FAILED', trace: 'boom' }];
    const { exitCode, out } = await run('restart', '--failed-only');

    expect(exitCode).toBe(0);
    expect(out).toContain('task 0 RUNNING');
    expect(connect.writes.at(-1)).toBe(`POST /connectors/${name}/restart`);
  });

  test('is 1 with a remedy when there is none', async () => {
    const { exitCode, err } = await run('restart');

    expect(exitCode).toBe(1);
    expect(err).toContain('rollguard connectors apply');
  });
});

describe('connectors delete', () => {
  test('wants to be sure, and says what stays', async () => {
    await run('apply', '--no-kafka');
    const unsure = await run('delete');
    const dry = await run('delete', '--dry-run');
    expect(connect.connectors.has(name)).toBe(true);
    const sure = await run('delete', '--yes');

    expect([unsure.exitCode, dry.exitCode, sure.exitCode]).toEqual([2, 0, 0]);
    expect(unsure.err).toContain('--yes');
    expect(dry.out).toContain('would be deleted');
    expect(sure.out).toBe(
      `${name}: deleted\nreplication slot rollguard: stays, and holds WAL back until the connector is applied again\n`,
    );
    expect(connect.connectors.has(name)).toBe(false);
  });
});

describe('connectors delete --drop-slot', () => {
  const nowhere = ['--admin-database-url', 'postgres://postgres@127.0.0.1:1/platform'];

  test('stops the connector and forgets its offsets, so that a new snapshot can begin', async () => {
    await run('apply', '--no-kafka');
    const { exitCode, err } = await run('delete', '--yes', '--drop-slot', ...nowhere);

    expect(connect.writes.slice(1)).toEqual([
      `PUT /connectors/${name}/stop`,
      `DELETE /connectors/${name}/offsets`,
      `DELETE /connectors/${name}`,
    ]);
    expect(exitCode).toBe(1);
    expect(err).toContain('[DATABASE_UNAVAILABLE]');
  });

  test('deletes nothing while its tasks do not end', async () => {
    await run('apply', '--no-kafka');
    connect.tasksAfterStop = [{ state: 'RUNNING' }];
    const { exitCode, err } = await run('delete', '--yes', '--drop-slot', ...nowhere);

    expect(exitCode).toBe(1);
    expect(err).toContain('does not stop within 60 s');
    expect(connect.connectors.has(name)).toBe(true);
  });
});

describe('a Connect that anyone can use', () => {
  test.each([
    ['elsewhere', ['192.0.2.7'], 1],
    ['in both', ['127.0.0.1', '192.0.2.7'], 1],
    ['loopback', ['127.0.0.1', '::1'], 0],
  ])('is warned of when its name stands for an address %s', async (_where, addresses, count) => {
    const told: string[] = [];
    // A name of this machine, so that the fake answers under it.
    const url = connect.url.replace('127.0.0.1', 'localhost');
    const warnings = await warnOfOpenConnect(
      url,
      { progress: (line) => void told.push(line) },
      () => Promise.resolve(addresses),
    );

    expect(warnings).toHaveLength(count);
    expect(told).toHaveLength(count);
  });

  test('is not warned of when it wants credentials', async () => {
    connect.refusals.push({ status: 401 });
    const url = connect.url.replace('127.0.0.1', 'localhost');
    const quiet = { progress: () => undefined };

    expect(await warnOfOpenConnect(url, quiet, () => Promise.resolve(['192.0.2.7']))).toEqual([]);
  });
});
