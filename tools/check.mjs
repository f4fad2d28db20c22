// `npm run check`: every static check and the unit tests, fastest first; stops at the first failure.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const steps = [
  ['prettier', ['--check', '--log-level', 'warn', '.']],
  ['tsc', ['-p', 'tsconfig.json']],
  ['depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...folders()]],
  ['eslint', ['.']],
  ['knip', []],
];
// First, since it is the fastest; as a user of the CLI would run it.
run('schemas check', process.execPath, ['tools/rollguard.mjs', 'schemas', 'check']);
for (const [tool, args] of steps) run(tool, `node_modules/.bin/${tool}`, args);

function run(name, program, args) {
  const startedMs = performance.now();
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  process.stderr.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
  if (status !== 0) process.exit(status ?? 1);
}

function folders() {
  const names = [
    'kernel',
    'schemas',
    'stores',
    'streams',
    'topology',
    'connectors',
    'database',
    'backfill',
    'capture',
    'projections',
    'api',
    'tools',
    'testing',
  ];
  return [...names, 'examples', 'main.ts'];
}
