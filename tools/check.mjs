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
for (const [tool, args] of steps) {
  const startedMs = performance.now();
  const { status } = spawnSync(`node_modules/.bin/${tool}`, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  process.stderr.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${tool} (${seconds} s)\n`);
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
    'api',
    'tools',
    'testing',
  ];
  return [...names, 'examples', 'main.ts'];
}
