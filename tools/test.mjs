// `npm test`: installs what is missing, runs every test that fits 20 minutes on 2 cores, and prints
// `N passed, N failed` as the last line. A test file that does not even load counts as failed.
// Everything after `--` goes to Jest: `npm test -- --unit-only test/stores`.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const isUnit = !args.includes('--integration-only');
const isIntegration = !args.includes('--unit-only');
const isFull = args.includes('--full');
const rest = args.filter((arg) => !arg.endsWith('-only') && arg !== '--full');
const interrupted = new AbortController();
// Jest gets the terminal's Ctrl-C itself; here it only has to be survived, to take the stack down.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort());
const counts = { passed: 0, failed: 0 };
// Three: some of them wait.
if (isUnit) await runJest(['unit'], ['--maxWorkers=3']);
if (isIntegration && !interrupted.signal.aborted) await withStack(() => runIntegration());
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 && counts.passed > 0 && !interrupted.signal.aborted ? 0 : 1;

/** Those on the shared stack run one after another; what they leave of the machine is for those with one of their own. */
async function runIntegration() {
  const flags = ['--runInBand', '--passWithNoTests'];
  const shared = isFull ? ['integration', 'long'] : ['integration'];
  await Promise.all([runJest(shared, flags), runJest(['own-stack'], flags, { isBeside: true })]);
}

/** One stack for all integration tests, with fresh data; the tests find it by its folder. */
async function withStack(use) {
  const { register } = await import('tsx/esm/api');
  register();
  const { stackDown, stackUp } = await import('./stack/stack.ts');
  const { systemClock } = await import('../kernel/clock.ts');
  const options = {
    root,
    env: process.env,
    clock: systemClock,
    progress: (line) => process.stderr.write(`${line}\n`),
    signal: interrupted.signal,
    stateDir: path.join(root, '.rollguard/test'),
  };
  try {
    await stackDown({ ...options, deleteData: true });
    rmSync(path.join(options.stateDir, 'state'), { recursive: true, force: true });
    await stackUp(options);
    await use();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    counts.failed += 1;
  } finally {
    await stackDown(options).catch(() => undefined);
  }
}

/** @param options isBeside: it yields to whatever else runs, and says what it has to say when it has ended. */
async function runJest(projects, flags, { isBeside = false } = {}) {
  const outputFile = `.rollguard/test-${projects[0]}.json`;
  mkdirSync(path.join(root, '.rollguard'), { recursive: true });
  rmSync(path.join(root, outputFile), { force: true });
  const jest = [
    'node_modules/jest/bin/jest.js',
    ...rest,
    '--selectProjects',
    ...projects,
    ...flags,
  ];
  const report = ['--json', `--outputFile=${outputFile}`];
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', '--no-warnings', ...jest, ...report],
    { cwd: root, stdio: ['ignore', 'ignore', isBeside ? 'pipe' : 'inherit'] },
  );
  if (isBeside) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => (said += text));
  const status = await new Promise((resolve) => child.once('close', resolve));
  process.stderr.write(said);
  const result = readResult(path.join(root, outputFile));
  const failures = result.numFailedTests + result.numRuntimeErrorTestSuites;
  counts.passed += result.numPassedTests;
  counts.failed += failures;
  // Jest failed outside any test (a leak, a broken set-up): never report that as a success.
  if (status !== 0 && failures === 0) counts.failed += 1;
}

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}
