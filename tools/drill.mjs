// `npm run drill`: installs what is missing, then runs tools/drill/drill.ts.
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { register } = await import('tsx/esm/api');
register();
const { drill } = await import('./drill/drill.ts');
process.exitCode = await drill(process.argv.slice(2));
