// `npm start`: installs what is missing, then runs tools/start/start.ts. Plain Node: it runs before
// anything is installed.
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { start } = await import('./start/start.ts');
process.exitCode = await start(process.argv.slice(2));
