import { afterAll, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../kernel/clock.ts';
import type { Part, PartContext } from '../../../tools/stack/parts/part.ts';
import { startPart } from '../../../tools/stack/start-part.ts';
import type { StackPart } from '../../../tools/stack/stack-state.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rollguard-start-part-'));
const notes: StackPart[] = [];

describe('a part that is started', () => {
  afterAll(() => {
    for (const { pid } of notes) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test('is started again when what it says is that it cannot yet', async () => {
    await start('twice', "console.error('the memory is still in use'); process.exit(1)");

    expect(notes.map(({ health }) => health)).toEqual(['starting', 'starting', 'healthy']);
  });

  test('is given up when it ends for another reason, with its last words', async () => {
    const started = start('never', "console.error('no such folder'); process.exit(1)");

    await expect(started).rejects.toMatchObject({ code: 'STACK_START' });
    await expect(started).rejects.toThrow('no such folder');
  });
});

/** A program that does as it is told the first time, and then runs. */
async function start(name: string, firstTime: string): Promise<void> {
  const marker = path.join(folder, name);
  const program = `const fs = require('node:fs');
    if (!fs.existsSync('${marker}')) { fs.writeFileSync('${marker}', ''); ${firstTime} }
    setInterval(() => fs.writeFileSync('${marker}.runs', ''), 10);`;
  const part: Part = {
    name: 'postgres',
    ports: () => ({}),
    prepare: () =>
      Promise.resolve({ command: process.execPath, args: ['-e', program], env: {}, cwd: folder }),
    check: async () => {
      await sleep(1);
      if (!existsSync(`${marker}.runs`)) throw new Error('not up');
    },
    notYet: /still in use/,
  };
  const ports = { postgres: 1, kafka: 1, kafkaController: 1, registry: 1, connect: 1 };
  const context = {
    folders: { logs: path.join(folder, name + '-logs') },
    identity: { ports, passwords: {} },
    signal: new AbortController().signal,
    env: {},
  } as unknown as PartContext;
  notes.length = 0;
  await startPart({
    ...{ part, context, clock: systemClock, progress: () => undefined, timeoutMs: 20_000 },
    note: (noted) => notes.push(noted),
  });
}
