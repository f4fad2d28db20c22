// `npm test`: installs what is missing, runs every test that fits 15 minutes on 2 cores, and prints
// `N passed, N failed` as the last line. A test file that does not even load counts as failed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const args = process.argv.slice(2);
const projects = args.includes('--unit-only')
  ? ['unit']
  : args.includes('--integration-only')
    ? ['integration']
    : ['unit', 'integration'];
const rest = args.filter((arg) => !arg.endsWith('-only'));
let passed = 0;
let failed = 0;
mkdirSync('.rollguard', { recursive: true });
for (const project of projects) {
  const outputFile = `.rollguard/test-${project}.json`;
  rmSync(outputFile, { force: true });
  // The stack's parts fill both cores: integration files run one after another.
  const workers = project === 'integration' ? ['--runInBand'] : ['--maxWorkers=2'];
  const { status } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      'node_modules/jest/bin/jest.js',
      '--selectProjects',
      project,
      ...workers,
      '--json',
      `--outputFile=${outputFile}`,
      ...rest,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const result = readResult(outputFile);
  passed += result.numPassedTests;
  failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
  // Jest failed outside any test (a leak, a broken set-up): never report that as a success.
  if (status !== 0 && result.numFailedTests + result.numRuntimeErrorTestSuites === 0) failed += 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}
