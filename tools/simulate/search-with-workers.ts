/** Shares the seeds among processes of the same command; the first violation ends them all. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { ratePerMinute, type SearchReport, type SearchRequest } from './search-seeds.ts';

const command = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'tools/simulate.mjs');

export async function searchWithWorkers(
  request: SearchRequest & { readonly workers: number },
  cli: CliContext,
): Promise<SearchReport> {
  const { workers, seeds, plant } = request;
  const startedMs = cli.clock.monotonicMs();
  const found = new AbortController();
  const share = Math.ceil(seeds / workers);
  const shares = Array.from({ length: workers }, (_, index) => ({
    from: request.from + index * share,
    seeds: Math.min(share, seeds - index * share),
  })).filter((each) => each.seeds > 0);
  const reports = await Promise.all(
    shares.map(async (each) => {
      const report = await worker({ ...each, plant }, found.signal);
      if (report?.violation !== undefined) found.abort();
      return report;
    }),
  );
  const done = reports.filter((report) => report !== undefined);
  const total = done.reduce((sum, report) => sum + report.seeds, 0);
  const spentMs = cli.clock.monotonicMs() - startedMs;
  return {
    seeds: total,
    seconds: Math.round(spentMs / 100) / 10,
    seedsPerMinute: ratePerMinute(total, spentMs),
    plant,
    violation: done.find((report) => report.violation !== undefined)?.violation,
  };
}

/** Undefined: another one has found something. */
function worker(
  { from, seeds, plant }: SearchRequest,
  found: AbortSignal,
): Promise<SearchReport | undefined> {
  const args = [command, '--json', '--from', String(from), '--seeds', String(seeds)];
  if (plant !== undefined) args.push('--plant', plant);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.on('error', reject);
    const stop = (): void => void child.kill();
    found.addEventListener('abort', stop, { once: true });
    child.on('close', (code) => {
      found.removeEventListener('abort', stop);
      if (code === 0 || code === 3) resolve(JSON.parse(text) as SearchReport);
      else if (found.aborted) resolve(undefined);
      else {
        const message = `a worker from seed ${from} on ended with code ${String(code)}; see its output above`;
        reject(new RollguardError('CHECK_FAILED', message));
      }
    });
  });
}
