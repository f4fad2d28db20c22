// `npm run bench -- <what>`: installs what is missing, then runs bench/bench.ts.
import { ensureInstalled } from '../tools/install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { bench } = await import('./bench.ts');
process.exitCode = await bench(process.argv.slice(2));
// Pools and sockets of peers that were cut off must not keep it.
process.exit();
