/** `rollguard state tasks` against an HTTP API that answers as an instance does. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createCliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';

interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const task = {
  ...{ task: 'guard_0', owner: 'one:4400', status: 'running', lagRecords: 3, position: 17 },
  progress: null,
  standbys: [{ address: 'two:4400', lagRecords: 1, position: 16 }],
};
const lost = { ...task, task: 'guard_1', owner: 'two:4400', status: 'unknown', position: null };
let answer: object = {};
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

async function stateTasks(...args: readonly string[]): Promise<Ran> {
  let out = '';
  let err = '';
  const context = {
    ...createCliContext(),
    ...{ env: {}, out: (text: string) => void (out += text) },
    err: (text: string) => void (err += text),
    progress: (line: string) => void (err += `${line}\n`),
  };
  const exitCode = await runCli(['state', 'tasks', ...args], context);
  return { exitCode, out, err };
}

function services(tasks: readonly object[], unanswered: readonly object[] = []): object {
  const name = { name: 'guard', applicationId: 'availability-guard-shadow' };
  return { services: [{ ...name, tasks, unanswered }] };
}

describe('rollguard state tasks', () => {
  test('prints where each task runs and how far it is', async () => {
    answer = services([task]);
    const { exitCode, out } = await stateTasks('--url', url);

    expect(exitCode).toBe(0);
    expect(out).toMatch(/guard_0 +one:4400 +running +3 behind, at 17/);
    expect(out).toMatch(/\n +two:4400 +standby +1 behind, at 16\n/);
  });

  test('prints one JSON object, and ends with 1 when an instance does not answer for its tasks', async () => {
    answer = services([task, lost], [{ address: 'two:4400', reason: 'gave no answer' }]);
    const { exitCode, out, err } = await stateTasks('--url', url, '--json');

    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toEqual(answer);
    expect(err).toContain('two:4400 does not answer');
  });

  test('says where it asked when nobody is there', async () => {
    const { exitCode, err } = await stateTasks('--url', 'http://127.0.0.1:9');

    expect(exitCode).toBe(1);
    expect(err).toContain('no Rollguard answers at http://127.0.0.1:9');
  });
});
