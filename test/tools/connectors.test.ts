/** `rollguard connectors …` as a shell sees it: output, exit code, what Connect was asked. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { identify } from '../../tools/stack/processes.ts';
import { FakeConnect } from '../connectors/fake-connect.ts';
import { SkippingClock } from '../connectors/skipping-clock.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const name = 'rollguard-platform';
const trace = 'ConnectException: stopped\n\tat x.Y(Z.java)\nCaused by: no publication';
let connect: FakeConnect;
let folder: string;
let env: Record<string, string>;

beforeEach(async () => {
  connect = await FakeConnect.start();
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-connectors-'));
  env = {
    ROLLGUARD_STACK_DIR: folder,
    KAFKA_CONNECT_URL: connect.url,
    PLATFORM_DATABASE_URL: 'postgres://app@db:5432/platform',
    SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7',
  };
});
afterEach(async () => {
  await connect.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env,
    clock: new SkippingClock(),
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['connectors', ...args], context);
  return { exitCode, out, err };
}

/** Kafka is not here; what it is asked for is tested where it is. */
const apply = (...args: string[]): Promise<Ended> => run('apply', '--no-kafka', ...args);

function configFile(content: unknown): string {
  const file = path.join(folder, 'connector.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** A stack that "runs" as long as these tests do; Postgres is nowhere. */
function noteLocalStack(): string {
  const secretsFolder = path.join(folder, 'secrets');
  const state = {
    version: 1,
    endpoints: {
      kafkaBrokers: 'localhost:1',
      schemaRegistryUrl: 'http://localhost:1/apis/ccompat/v7',
      registryApiUrl: 'http://localhost:1/apis/registry/v2',
      kafkaConnectUrl: connect.url,
      platformDatabaseUrl: 'postgres://reader@127.0.0.1:1/platform',
      platformAdminDatabaseUrl: 'postgres://postgres@127.0.0.1:1/platform',
      rollguardDatabaseUrl: 'postgres://rollguard@127.0.0.1:1/rollguard',
    },
    secretsFolder,
    supervisor: identify(process.pid),
    parts: [],
  };
  writeFileSync(path.join(folder, 'stack.json'), JSON.stringify(state));
  env = { ROLLGUARD_STACK_DIR: folder };
  return path.join(secretsFolder, 'rollguard-cdc.properties');
}

const json = (text: string): unknown => JSON.parse(text) as unknown;
const readText = (file: string): string => readFileSync(file, 'utf8');
const storedConfig = (): Record<string, string> => connect.connectors.get(name)!.config;

describe('every connectors command', () => {
  test.each(['prepare', 'validate', 'apply', 'status'])('%s --help has examples', async (verb) => {
    const { exitCode, out } = await run(verb, '--help');

    expect(exitCode).toBe(0);
    expect(out).toContain(`Examples:\n  rollguard connectors ${verb}`);
    expect(out).toContain('KAFKA_CONNECT_URL');
    expect(out).toContain('--json');
  });

  test.each(['validate', 'apply', 'status'])(
    '%s without KAFKA_CONNECT_URL is a usage error that names it',
    async (verb) => {
      env['KAFKA_CONNECT_URL'] = '';
      const { exitCode, out, err } = await run(verb);

      expect(exitCode).toBe(2);
      expect(out).toBe('');
      expect(err).toContain('KAFKA_CONNECT_URL is not set: set it or give --connect-url');
    },
  );

  test('takes a flag before the environment', async () => {
    env['KAFKA_CONNECT_URL'] = 'http://127.0.0.1:1';
    const { exitCode } = await apply(
      '--connect-url',
      connect.url,
      '--database-url',
      'postgres://other/db',
    );

    expect(exitCode).toBe(0);
    expect(storedConfig()['database.hostname']).toBe('other');
  });
});

describe('connectors validate', () => {
  test('says when everything is valid', async () => {
    expect(await run('validate')).toEqual({ exitCode: 0, out: 'valid\n', err: '' });
    expect(connect.writes).toEqual([]);
  });

  test('names each field our schema refuses, without asking Connect', async () => {
    const file = configFile({ slot: 'UPPER', throughput: { pollIntervalMs: 0 } });
    const { exitCode, out } = await run('validate', '--config', file);

    expect(exitCode).toBe(1);
    expect(out).toMatch(/^slot: must be lower-case.*\nthroughput\.pollIntervalMs: must be.*\n$/);
    expect(connect.requests).toBe(0);
  });

  test('refuses a password that is not a reference, and does not repeat it', async () => {
    const { exitCode, out, err } = await run('validate', '--password-reference', 'geheim');

    expect(exitCode).toBe(1);
    expect(out).toMatch(/^database\.password: must be a reference/);
    expect(out + err).not.toContain('geheim');
  });

  test('prints what Connect has against which setting', async () => {
    connect.problems = [{ name: 'database.hostname', errors: ['cannot be resolved'] }];
    const text = await run('validate');
    const machine = await run('validate', '--json');

    expect(text).toMatchObject({ exitCode: 1, out: 'database.hostname: cannot be resolved\n' });
    expect(machine.exitCode).toBe(1);
    expect(json(machine.out)).toEqual({
      isValid: false,
      askedOf: 'connect',
      problems: [{ field: 'database.hostname', message: 'cannot be resolved' }],
      warnings: [],
    });
  });

  test('tells that the registry has a flag of its own', async () => {
    const file = configFile({ registryUrl: 'http://registry/apis/registry/v2' });
    const { exitCode, out } = await run('validate', '--config', file);

    expect(exitCode).toBe(1);
    expect(out).toMatch(/^registryUrl: is given with --registry-url/);
  });

  test('names a file that is not JSON', async () => {
    const file = configFile('{');
    const { exitCode, err } = await run('validate', '--config', file);

    expect(exitCode).toBe(1);
    expect(err).toContain(`--config ${file} cannot be read as JSON`);
  });
});

describe('connectors apply', () => {
  test('creates the connector; applied twice it says nothing and changes nothing', async () => {
    const first = await apply();
    const second = await apply();

    expect(first.exitCode).toBe(0);
    expect(first.out).toContain(`${name}: create\n`);
    expect(first.out).toContain('  database.password: (not set) → ${env:ROLLGUARD_CDC_PASSWORD}\n');
    expect(first.out).toContain('  task 0 RUNNING on');
    expect(second).toMatchObject({ exitCode: 0 });
    expect(second.out).toMatch(/^rollguard-platform: nothing\n {2}connector RUNNING/);
    expect(connect.writes).toEqual([`PUT /connectors/${name}/config`]);
  });

  test('shows a change with its secret masked', async () => {
    await apply();
    Object.assign(storedConfig(), { 'database.password': 'geheim', 'poll.interval.ms': '500' });
    const { exitCode, out } = await apply('--json');

    expect(exitCode).toBe(0);
    expect(out).not.toContain('geheim');
    expect(json(out)).toMatchObject({
      connectors: [
        {
          name,
          action: 'update',
          verdict: 'running',
          changes: [
            { setting: 'database.password', actual: '********' },
            { setting: 'poll.interval.ms', actual: '500', desired: '50' },
          ],
          status: { tasks: [{ id: 0, state: 'RUNNING' }] },
        },
      ],
    });
  });

  test.each([[[]], [['--dry-run']], [['--brokers', '']]])(
    'without KAFKA_BROKERS and with %j is a usage error that names it, and asks Connect nothing',
    async (flags) => {
      const { exitCode, out, err } = await run('apply', ...flags);

      expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
      expect(err).toContain('KAFKA_BROKERS is not set: set it or give --brokers');
      expect(err).toContain('--no-kafka');
      expect(connect.requests).toBe(0);
    },
  );

  test('changes nothing where Kafka, which has to be asked, does not answer', async () => {
    const { exitCode, err } = await run('apply', '--brokers', '127.0.0.1:1');

    expect(exitCode).toBe(1);
    expect(err).toContain('[KAFKA_UNAVAILABLE]');
    expect(connect.writes).toEqual([]);
  });

  test('changes nothing with --dry-run', async () => {
    const { exitCode, out } = await apply('--dry-run');

    expect(exitCode).toBe(0);
    expect(out).toContain(`${name}: create\n`);
    expect(connect.writes).toEqual([]);
  });

  test('takes overrides and another password reference', async () => {
    env['ROLLGUARD_CDC_PASSWORD_REFERENCE'] = '${env:OTHER}';
    const file = configFile({ slot: 'other', database: { host: 'seen-by-worker' } });
    await apply('--config', file);

    expect(storedConfig()).toMatchObject({
      'slot.name': 'other',
      'database.hostname': 'seen-by-worker',
      'database.port': '5432',
      'database.password': '${env:OTHER}',
    });
  });

  test('ends with the trace and 1 when a task FAILED', async () => {
    connect.tasksAfterPut = [{ state: 'FAILED', trace }];
    const { exitCode, err } = await apply();

    expect(exitCode).toBe(1);
    expect(err).toContain('Caused by: no publication');
    expect(err).toContain('[CONNECTOR_FAILED]');
  });

  test('waits as long as it is told', async () => {
    connect.tasksAfterPut = [];
    const { exitCode, err } = await apply('--wait-timeout', '7');

    expect(exitCode).toBe(1);
    expect(err).toContain('no running task after 7 s');
  });

  test('refuses a wait that is no number', async () => {
    expect((await apply('--wait-timeout', 'long')).exitCode).toBe(2);
  });
});

describe('connectors status', () => {
  test('is 1 with a remedy when there is no connector', async () => {
    const { exitCode, out } = await run('status');

    expect(exitCode).toBe(1);
    expect(out).toContain(`${name}: missing; create it with \`rollguard connectors apply\`\n`);
  });

  test('is 0 when the connector and its task run', async () => {
    await apply();
    const { exitCode, out } = await run('status');

    expect(exitCode).toBe(0);
    expect(out).toContain(
      `${name}\n  connector RUNNING on 127.0.0.1:8083\n  task 0 RUNNING on 127.0.0.1:8083\n`,
    );
    expect(out).toContain('slot rollguard: unknown: ');
    expect(out).toContain('heartbeat (wal): unknown: KAFKA_BROKERS is not set');
  });

  test('is 1 with the trace’s summary when a task FAILED', async () => {
    await apply();
    connect.connectors.get(name)!.tasks = [{ state: 'FAILED', trace }];
    const text = await run('status');
    const machine = await run('status', '--json');

    expect(text.exitCode).toBe(1);
    expect(text.out).toContain(
      '  task 0 FAILED on 127.0.0.1:8083\n    ConnectException: stopped\n    Caused by: no publication\n',
    );
    expect(machine.exitCode).toBe(1);
    expect(json(machine.out)).toMatchObject({
      connectors: [{ name, verdict: 'failed', status: { tasks: [{ state: 'FAILED', trace }] } }],
    });
  });

  test('is 1 when the connector runs without a task', async () => {
    await apply();
    connect.connectors.get(name)!.tasks = [];
    const { exitCode, out } = await run('status');

    expect(exitCode).toBe(1);
    expect(out).toContain('no task: nothing is captured');
  });

  test('asks about the name of --config', async () => {
    const { out } = await run('status', '--config', configFile({ name: 'other' }));

    expect(out).toMatch(/^other: missing/);
  });
});

describe('connectors prepare', () => {
  test('--print needs no database and prints the script', async () => {
    env = { ROLLGUARD_STACK_DIR: folder };
    const { exitCode, out, err } = await run('prepare', '--print');

    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(out).toContain('CREATE ROLE "rollguard_cdc" LOGIN');
    expect(out).toContain('CREATE PUBLICATION "rollguard" FOR TABLE "public"."properties"');
  });

  test('--print takes the names of --config', async () => {
    const file = configFile({ publication: 'other', tables: ['a.b'], excludedColumns: [] });
    const { out } = await run('prepare', '--print', '--json', '--config', file);

    expect((json(out) as { script: string }).script).toContain(
      'CREATE PUBLICATION "other" FOR TABLE "a"."b" WITH',
    );
  });

  test('without an address is a usage error that names the setting', async () => {
    const { exitCode, err } = await run('prepare');

    expect(exitCode).toBe(2);
    expect(err).toContain('PLATFORM_ADMIN_DATABASE_URL is not set');
  });

  test('names the setting when Postgres does not answer', async () => {
    const url = 'postgres://postgres@127.0.0.1:1/platform';
    const { exitCode, err } = await run('prepare', '--admin-database-url', url);

    expect(exitCode).toBe(1);
    expect(err).toContain('PLATFORM_ADMIN_DATABASE_URL');
    expect(err).toContain('[DATABASE_UNAVAILABLE]');
  });
});

describe('with a local stack up and no address set', () => {
  test('apply uses its endpoints and its password file, and says so', async () => {
    const secret = noteLocalStack();
    // One that is there: of one to be made Kafka, which is not here, would be asked.
    const there = { config: {}, state: 'RUNNING', tasks: [], taskConfig: {} };
    connect.connectors.set(name, there);
    const { exitCode, err } = await run('apply');

    expect(exitCode).toBe(0);
    expect(err).toContain(`the local stack of ${path.join(folder, 'stack.json')} is used`);
    expect(err).toContain('run `rollguard connectors prepare` first');
    expect(storedConfig()).toMatchObject({
      'database.hostname': '127.0.0.1',
      'database.password': `\${file:${secret}:password}`,
      'value.converter.apicurio.registry.url': 'http://localhost:1/apis/registry/v2',
    });
  });

  test('one address of one’s own keeps the local stack out altogether', async () => {
    noteLocalStack();
    env['PLATFORM_DATABASE_URL'] = 'postgres://production/platform';
    const { exitCode, err } = await run('apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('KAFKA_CONNECT_URL is not set');
    expect(connect.requests).toBe(0);
  });

  test('a stack that was killed is not used', async () => {
    noteLocalStack();
    const file = path.join(folder, 'stack.json');
    const supervisor = { ...identify(process.pid)!, processStartTime: 'long ago' };
    const state = { ...(json(readText(file)) as object), supervisor };
    writeFileSync(file, JSON.stringify(state));

    expect((await run('status')).exitCode).toBe(2);
  });

  test('prepare that cannot reach Postgres writes no password', async () => {
    const secret = noteLocalStack();
    const { exitCode, err } = await run('prepare');

    expect(exitCode).toBe(1);
    expect(err).toContain('[DATABASE_UNAVAILABLE]');
    expect(existsSync(secret)).toBe(false);
  });
});
