import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../kernel/clock.ts';
import { isRunning } from '../../tools/stack/processes.ts';
import { readStackState, type StackState } from '../../tools/stack/stack-state.ts';
import { root } from './test-system.ts';

const timeoutMs = 180_000;

/** A stack of its own beside the shared one, held by a parent that dies in several ways. */
describe('a stack that belongs to a process', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'rollguard-stack-test-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'leaves no process and no port behind when %s ends the parent while the parts start',
    async (signal) => {
      const parent = start();
      const early = await state((found) => found.parts.length >= 2);
      await end(parent, signal);

      await expectGone(early);
    },
    timeoutMs,
  );

  test(
    'leaves no process and no port behind when the parent is killed while everything runs',
    async () => {
      const parent = start();
      const up = await state(
        (found) =>
          found.parts.length === 4 && found.parts.every(({ health }) => health === 'healthy'),
      );
      await end(parent, 'SIGKILL');

      await expectGone(up);
      // What it noted of itself is no proof: a new start does not trust it.
      expect(readStackState(stateFile())?.parts.filter(isRunning) ?? []).toEqual([]);
    },
    timeoutMs,
  );

  function start(): ChildProcess {
    const script = [
      "import { systemClock } from './kernel/clock.ts';",
      "import { stackUp } from './tools/stack/stack.ts';",
      'const stop = new AbortController();',
      "process.once('SIGINT', () => stop.abort(new Error('interrupted')));",
      `const options = { root: process.cwd(), env: process.env, clock: systemClock, progress: () => undefined, stateDir: ${JSON.stringify(folder)}, signal: stop.signal };`,
      'await stackUp(options).then(() => setInterval(() => undefined, 1000), () => process.exit(130));',
    ].join('\n');
    return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      cwd: root,
      stdio: 'ignore',
    });
  }

  function stateFile(): string {
    return path.join(folder, 'stack.json');
  }

  async function state(isEnough: (state: StackState) => boolean): Promise<StackState> {
    const deadlineMs = systemClock.monotonicMs() + timeoutMs / 2;
    while (systemClock.monotonicMs() < deadlineMs) {
      const found = existsSync(stateFile()) ? readStackState(stateFile()) : undefined;
      if (found !== undefined && isEnough(found) && isRunning(found.supervisor)) return found;
      await systemClock.sleep(100);
    }
    throw new Error(`the stack did not come that far: ${logTail()}`);
  }

  function logTail(): string {
    const log = path.join(folder, 'logs/supervisor.log');
    return existsSync(log) ? readFileSync(log, 'utf8').slice(-2_000) : 'no log';
  }

  async function end(parent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => parent.once('exit', resolve));
    parent.kill(signal);
    await ended;
  }

  async function expectGone(before: StackState): Promise<void> {
    const processes = [before.supervisor, ...before.parts];
    const deadlineMs = systemClock.monotonicMs() + timeoutMs / 2;
    while (processes.some(isRunning) && systemClock.monotonicMs() < deadlineMs) {
      await systemClock.sleep(100);
    }
    const ports = before.parts.flatMap((part) => Object.values(part.ports));
    const open = await Promise.all(ports.map(isOpen));

    expect(processes.filter(isRunning)).toEqual([]);
    expect(open.filter(Boolean)).toEqual([]);
  }
});

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
