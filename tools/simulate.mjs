// `npm run simulate`: installs what is missing, then runs tools/simulate/simulate.ts.
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { simulateCommand } = await import('./simulate/simulate.ts');
process.exitCode = await simulateCommand(process.argv.slice(2));
