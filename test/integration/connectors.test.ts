import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import type { StackState } from '../../tools/stack/stack-state.ts';
import { testStack, testStackFolder } from './test-system.ts';

const timeoutMs = 120_000;
const waitMs = 30_000;
const name = 'operated';

interface Told {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

interface Reported {
  readonly verdict: string;
  readonly slot: {
    readonly value?: { readonly active: boolean; readonly lagBytes: number };
  };
  readonly heartbeatAgeSeconds: Readonly<Record<'connect' | 'wal', { readonly value?: number }>>;
}

/** A connector of its own beside the platform's: other tests do not notice. */
describe('the connectors commands on a real Connect', () => {
  let stack: StackState;
  let folder: string;
  let configFile: string;

  beforeAll(async () => {
    stack = await testStack();
    folder = mkdtempSync(path.join(tmpdir(), 'rollguard-operated-'));
    configFile = path.join(folder, 'connector.json');
    const own = { name, slot: name, topicPrefix: name };
    const captured = { tables: ['public.properties'], excludedColumns: [] };
    writeFileSync(configFile, JSON.stringify({ ...own, ...captured }));
    const database = await connectPlatformDatabase(stack.endpoints.platformAdminDatabaseUrl);
    await createPlatformSchema(database).finally(() => database.close());
    // With the platform's own settings: its publication has our table, too.
    await succeeds(cli(['prepare']));
    await succeeds(run('apply'));
  }, timeoutMs);

  afterAll(async () => {
    await run('delete', '--yes', '--drop-slot');
    rmSync(folder, { recursive: true, force: true });
  }, timeoutMs);

  test(
    'a setting changed by hand makes diff exit 3; apply mends it, and diff exits 0',
    async () => {
      const url = `${stack.endpoints.kafkaConnectUrl}/connectors/${name}/config`;
      const config = (await (await fetch(url)).json()) as Record<string, string>;
      const body = JSON.stringify({ ...config, 'poll.interval.ms': '777' });
      await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });

      const changed = await run('diff');
      const mended = await run('apply');
      const equal = await run('diff');

      expect(changed).toMatchObject({ exitCode: 3 });
      expect(changed.out).toMatch(/ {2}poll\.interval\.ms: 777 → \d+\n/);
      expect(mended).toMatchObject({ exitCode: 0 });
      expect(equal).toMatchObject({ exitCode: 0, out: `${name}: equal\n` });
    },
    timeoutMs,
  );

  test(
    'status tells the bytes the slot is behind and the age of the newest heartbeat',
    async () => {
      const report = await statusWhen(
        ({ heartbeatAgeSeconds: { connect } }) => connect.value !== undefined,
      );
      const text = await run('status');

      expect(report.verdict).toBe('running');
      expect(report.slot.value).toMatchObject({ active: true, walStatus: 'reserved' });
      expect(report.slot.value?.lagBytes).toBeGreaterThanOrEqual(0);
      expect(report.heartbeatAgeSeconds.connect.value).toBeLessThan(30);
      expect(text.out).toMatch(/slot operated: \d+ bytes behind, \d+ bytes of WAL kept/);
      expect(text.out).toMatch(/heartbeat \(connect\): \d+ s ago/);
    },
    timeoutMs,
  );

  test(
    'prepare said once more keeps the password that a task reconnects with',
    async () => {
      await succeeds(cli(['prepare']));
      const before = await readerOfSlot();
      await onDatabase('SELECT pg_terminate_backend($1)', [before]);
      const deadlineMs = systemClock.monotonicMs() + waitMs;
      let now: number | undefined = before;
      while ((now === before || now === undefined) && systemClock.monotonicMs() < deadlineMs) {
        await systemClock.sleep(250);
        now = await readerOfSlot();
      }

      expect(before).toBeDefined();
      expect(now).toBeDefined();
      expect(now).not.toBe(before);
      expect((await run('status')).exitCode).toBe(0);
    },
    timeoutMs,
  );

  test(
    'restart waits until the tasks run again',
    async () => {
      const { exitCode, out } = await run('restart');

      expect(exitCode).toBe(0);
      expect(out).toMatch(/task 0 RUNNING/);
    },
    timeoutMs,
  );

  test(
    'delete keeps the slot, which status calls inactive; apply goes on with it',
    async () => {
      await succeeds(run('delete', '--yes'));
      const report = await statusWhen(({ slot }) => slot.value?.active === false);
      const text = await run('status');
      await succeeds(run('apply'));

      expect(report.verdict).toBe('missing');
      expect(text.out).toContain('inactive: nobody reads it, and WAL piles up');
    },
    timeoutMs,
  );

  test(
    'delete --drop-slot drops the slot, and apply begins again with a snapshot',
    async () => {
      const deleted = await run('delete', '--yes', '--drop-slot');
      const report = await statusWhen(({ verdict }) => verdict === 'missing');
      await succeeds(run('apply'));
      const after = await statusWhen(({ slot }) => slot.value?.active === true);

      expect(deleted.out).toContain('replication slot operated: dropped');
      expect(report.slot.value).toBeUndefined();
      expect(after.verdict).toBe('running');
    },
    timeoutMs,
  );

  async function statusWhen(isReached: (report: Reported) => boolean): Promise<Reported> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const { out } = await run('status', '--json');
      const [report] = (JSON.parse(out) as { connectors: [Reported] }).connectors;
      if (isReached(report) || systemClock.monotonicMs() > deadlineMs) return report;
      await systemClock.sleep(250);
    }
  }

  async function succeeds(run: Promise<Told>): Promise<void> {
    expect(await run).toMatchObject({ exitCode: 0 });
  }

  /** Process of the connection that reads the slot. */
  async function readerOfSlot(): Promise<number | undefined> {
    const sql = 'SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1';
    const [row] = await onDatabase<{ active_pid: number | null }>(sql, [name]);
    return row?.active_pid ?? undefined;
  }

  async function onDatabase<Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: stack.endpoints.platformAdminDatabaseUrl });
    await client.connect();
    const { rows } = await client.query<Row>(sql, [...values]).finally(() => client.end());
    return rows;
  }

  function run(...args: string[]): Promise<Told> {
    return cli([...args, '--config', configFile]);
  }

  async function cli(args: readonly string[]): Promise<Told> {
    let out = '';
    let err = '';
    const context: CliContext = {
      version: '0.0.0',
      env: { ROLLGUARD_STACK_DIR: testStackFolder },
      clock: systemClock,
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      progress: (line) => void (err += `${line}\n`),
      exitCode: 0,
    };
    const exitCode = await runCli(['connectors', ...args], context);
    return { exitCode, out, err };
  }
});
