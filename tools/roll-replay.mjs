// `npm run roll:replay`: installs what is missing, then runs `rollguard replay reservation`.
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { runCli } = await import('./cli.ts');
process.exitCode = await runCli(['replay', 'reservation', ...process.argv.slice(2)]);
