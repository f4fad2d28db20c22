/** From what Connect has to what we want: only what differs is sent, and "done" means tasks run. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectClient } from '../../connectors/connect-client.ts';
import type { ConnectorDefinition } from '../../connectors/connector-config.ts';
import { applyConnectors, planFor, type ApplyOptions } from '../../connectors/reconcile.ts';
import { isRollguardError, type RollguardError } from '../../kernel/errors.ts';
import { FakeConnect } from './fake-connect.ts';
import { SkippingClock } from './skipping-clock.ts';

const desired: ConnectorDefinition = {
  name: 'rooms',
  config: { 'connector.class': 'X', 'tasks.max': '1', 'database.password': '${env:P}' },
};
const same = { ...desired.config, name: 'rooms' };

describe('the plan for a connector', () => {
  test('creates what is missing', () => {
    const plan = planFor(desired, { config: undefined, verdict: 'missing' });

    expect(plan.action).toBe('create');
    expect(plan.changes).toContainEqual({
      setting: 'tasks.max',
      actual: undefined,
      desired: '1',
    });
  });

  test('updates what differs: changed, added and removed settings', () => {
    const config = {
      name: 'rooms',
      'connector.class': 'Y',
      'database.password': '${env:P}',
      extra: 'by hand',
    };
    const plan = planFor(desired, { config, verdict: 'running' });

    expect(plan).toEqual({
      action: 'update',
      changes: [
        { setting: 'connector.class', actual: 'Y', desired: 'X' },
        { setting: 'extra', actual: 'by hand', desired: undefined },
        { setting: 'tasks.max', actual: undefined, desired: '1' },
      ],
    });
  });

  test('restarts what FAILED and is as wanted', () => {
    const plan = planFor(desired, { config: same, verdict: 'failed' });

    expect(plan).toEqual({ action: 'restart', changes: [] });
  });

  test.each(['running', 'starting', 'paused'] as const)('leaves alone what is %s', (verdict) => {
    expect(planFor(desired, { config: same, verdict })).toEqual({ action: 'nothing', changes: [] });
  });

  test('never shows a secret that somebody had put in', () => {
    const config = { ...same, 'database.password': 'geheim' };
    const plan = planFor(desired, { config, verdict: 'running' });

    expect(plan.changes).toEqual([
      { setting: 'database.password', actual: '********', desired: '${env:P}' },
    ]);
  });
});

describe('applying connectors', () => {
  let connect: FakeConnect;
  let options: ApplyOptions;

  beforeEach(async () => {
    connect = await FakeConnect.start();
    const clock = new SkippingClock();
    const client = new ConnectClient({ url: connect.url, clock });
    options = { client, clock, connectors: [desired], waitTimeoutMs: 30_000 };
  });
  afterEach(() => connect.stop());

  async function failureOf(work: Promise<unknown>): Promise<RollguardError> {
    try {
      await work;
    } catch (error) {
      if (isRollguardError(error)) return error;
      throw error;
    }
    throw new Error('nothing was thrown');
  }

  test('twice sends the configuration once', async () => {
    const first = await applyConnectors(options);
    const second = await applyConnectors(options);

    expect(first).toMatchObject([{ name: 'rooms', action: 'create', verdict: 'running' }]);
    expect(second).toMatchObject([{ name: 'rooms', action: 'nothing', changes: [] }]);
    expect(connect.writes).toEqual(['PUT /connectors/rooms/config']);
  });

  test('changes a connector that somebody edited', async () => {
    await applyConnectors(options);
    connect.connectors.get('rooms')!.config['tasks.max'] = '7';
    const progress: string[] = [];
    const results = await applyConnectors({ ...options, progress: (line) => progress.push(line) });

    expect(results).toMatchObject([
      { action: 'update', changes: [{ setting: 'tasks.max', actual: '7', desired: '1' }] },
    ]);
    expect(connect.connectors.get('rooms')!.config['tasks.max']).toBe('1');
    expect(progress).toEqual(['rooms: update of tasks.max', 'rooms: running']);
  });

  test('restarts a task that FAILED meanwhile', async () => {
    await applyConnectors(options);
    connect.connectors.get('rooms')!.tasks = [{ state: 'FAILED', trace: 'x' }];
    const results = await applyConnectors(options);

    expect(results).toMatchObject([{ action: 'restart', verdict: 'running' }]);
    expect(connect.writes.at(-1)).toBe('POST /connectors/rooms/restart');
  });

  test('only says what it would do when it runs dry', async () => {
    const results = await applyConnectors({ ...options, dryRun: true });

    expect(results).toMatchObject([{ action: 'create', verdict: 'missing' }]);
    expect(connect.writes).toEqual([]);
  });

  test('fails with the trace of a FAILED task', async () => {
    const trace = 'ConnectException: stopped\n\tat x\nCaused by: no publication "rollguard"';
    connect.tasksAfterPut = [{ state: 'FAILED', trace }];
    const error = await failureOf(applyConnectors(options));

    expect(error.code).toBe('CONNECTOR_FAILED');
    expect(error.message).toBe(
      'connector rooms FAILED:\n  ConnectException: stopped\n  Caused by: no publication "rollguard"',
    );
    expect(error.context).toMatchObject({ name: 'rooms', verdict: 'failed' });
  });

  test('does not take the old tasks, which still run, for the new ones', async () => {
    await applyConnectors(options);
    connect.readsOfOldTasks = 20;
    connect.tasksAfterPut = [{ state: 'FAILED', trace: 'the new task' }];
    const changed = { name: 'rooms', config: { ...desired.config, 'tasks.max': '2' } };
    const error = await failureOf(applyConnectors({ ...options, connectors: [changed] }));

    expect(error.message).toBe('connector rooms FAILED:\n  the new task');
  });

  test('does not trust tasks that have only just begun to run', async () => {
    connect.fate = { afterReads: 5, tasks: [{ state: 'FAILED', trace: 'no such table' }] };
    const error = await failureOf(applyConnectors(options));

    expect(error.message).toBe('connector rooms FAILED:\n  no such table');
  });

  test('does not wake what somebody paused', async () => {
    await applyConnectors(options);
    Object.assign(connect.connectors.get('rooms')!, {
      state: 'PAUSED',
      tasks: [{ state: 'PAUSED' }],
    });
    const error = await failureOf(applyConnectors(options));

    expect(error.code).toBe('CONNECTOR_FAILED');
    expect(error.message).toMatch(/paused or stopped.*resume/);
    expect(connect.writes).toHaveLength(1);
  });

  test('gives up on tasks that never come, and says how to wait longer', async () => {
    connect.tasksAfterPut = [];
    const error = await failureOf(applyConnectors(options));

    expect(error.code).toBe('CONNECTOR_FAILED');
    expect(error.message).toMatch(/no running task after 30 s \(starting\).*--wait-timeout/);
  });

  test('outlasts a worker that rebalances or starts', async () => {
    const rebalance = { error_code: 409, message: 'rebalance in process' };
    connect.refusals.push({ status: 409, body: rebalance }, { status: 503 });
    const results = await applyConnectors(options);

    expect(results).toMatchObject([{ action: 'create', verdict: 'running' }]);
  });

  test('stops at once at a refusal, whose secrets it hides', async () => {
    const connectors = [{ name: 'rooms', config: { 'database.password': 'geheim' } }];
    const refusal = { status: 400, body: { message: 'password geheim is not valid' } };
    const { client } = options;
    connect.refusals.push(refusal);
    const error = await failureOf(client.putConfig(connectors[0]!));

    expect(error.code).toBe('CONNECT_REFUSED');
    expect(error.message).toContain('400 password ******** is not valid');
    expect(connect.requests).toBe(1);
  });

  test('names the setting when nobody answers', async () => {
    await connect.stop();
    const error = await failureOf(applyConnectors(options));

    expect(error.code).toBe('CONNECT_UNAVAILABLE');
    expect(error.message).toContain(`KAFKA_CONNECT_URL=${connect.url}`);
    expect(error.message).toContain('ECONNREFUSED');
    connect = await FakeConnect.start();
  });

  test('tells another service from Connect', async () => {
    connect.refusals.push({ status: 200, body: ['hello'] });
    const error = await failureOf(applyConnectors(options));

    expect(error.code).toBe('CONNECT_REFUSED');
    expect(error.message).toContain('is it the REST port of a Connect worker?');
  });

  test('refuses a URL that is none', () => {
    const clock = new SkippingClock();

    expect(() => new ConnectClient({ url: 'localhost:8083', clock })).toThrow(
      /KAFKA_CONNECT_URL=localhost:8083: must be a URL/,
    );
  });
});
