#!/usr/bin/env node
// The CLI's entry: loads TypeScript without a build step, then runs tools/cli.ts.
import { register } from 'tsx/esm/api';

register();
const { runCli } = await import('./cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
