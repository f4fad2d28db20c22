// `npm run check`: every static check, two at a time; the first that fails ends the others.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const atATime = 2;
const waiting = [
  // The longest first.
  ['eslint', 'node_modules/.bin/eslint', ['.']],
  // As a user of the CLI would run it.
  ['schemas check', process.execPath, ['tools/rollguard.mjs', 'schemas', 'check']],
  ['prettier', 'node_modules/.bin/prettier', ['--check', '--log-level', 'warn', '.']],
  ['tsc', 'node_modules/.bin/tsc', ['-p', 'tsconfig.json']],
  ['depcruise', 'node_modules/.bin/depcruise', depcruiseArguments()],
  ['knip', 'node_modules/.bin/knip', []],
];
const running = new Set();
let failed = 0;
await Promise.all(Array.from({ length: atATime }, () => lane()));
process.exitCode = failed;

async function lane() {
  for (let step = waiting.shift(); step !== undefined && failed === 0; step = waiting.shift()) {
    await run(...step);
  }
}

async function run(name, program, args) {
  const startedMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => output.push(text));
  const status = await new Promise((resolve) => child.once('close', resolve));
  running.delete(child);
  // Ended since another one failed: it has found nothing.
  if (failed !== 0) return;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  process.stderr.write(Buffer.concat(output));
  process.stderr.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
  if (status === 0) return;
  failed = status ?? 1;
  for (const other of running) other.kill();
}

/** Its script names the folders, for whoever runs it alone. */
function depcruiseArguments() {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const [, ...args] = scripts.depcruise.split(' ');
  return [...args, '--output-type', 'err'];
}
