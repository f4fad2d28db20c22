// `npm run faults`: installs what is missing, then runs tools/faults/faults.ts.
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { faults } = await import('./faults/faults.ts');
process.exitCode = await faults(process.argv.slice(2));
