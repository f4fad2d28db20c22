// Installs the npm packages when they are missing or older than the lock file. Plain Node: it runs
// before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs `npm ci` once; later calls cost two stats. Exits with npm's code when it fails. */
export function ensureInstalled() {
  const marker = `${root}node_modules/.package-lock.json`;
  const isInstalled =
    existsSync(marker) &&
    statSync(marker).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs - 1_000;
  if (isInstalled || (existsSync(marker) && process.env['ROLLGUARD_SKIP_INSTALL'] === 'true'))
    return;
  process.stderr.write('installing npm packages …\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) {
    process.stderr.write('rollguard: npm ci failed; its messages are above\n');
    process.exit(status ?? 1);
  }
}
