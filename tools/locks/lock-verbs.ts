/** What the verbs of `rollguard locks` share: their flags, the request, and how an answer is printed. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LocksBody } from '../../api/guard/lock-body.ts';
import type { CliContext } from '../cli-context.ts';
import { ApiClient, type ApiRequest } from '../api-client.ts';
import { apiVerb, type ApiVerbFlags } from '../api-verb.ts';

export interface WriteFlags extends ApiVerbFlags {
  readonly reservation?: string;
  readonly reason: string;
  readonly ifVersion?: number;
  readonly dryRun?: true;
}

const defaultReason = 'MANUAL';

export function verb(name: string): Command {
  return apiVerb(name, { whose: 'locks', toldIn: 'logs and events' });
}

export function writeVerb(name: string): Command {
  return verb(name)
    .option('--reason <text>', 'why, for whoever asks later', defaultReason)
    .option('--dry-run', 'only say what would be sent');
}

/** The answer; undefined when it was only described. */
export async function write(
  flags: WriteFlags,
  cli: CliContext,
  request: ApiRequest,
): Promise<unknown> {
  const client = new ApiClient(flags, cli);
  if (flags.dryRun !== true) return (await client.ask(request)).body;
  const described = client.described(request);
  cli.out(`${JSON.stringify({ dryRun: true, request: described }, null, flags.json ? 0 : 2)}\n`);
  return undefined;
}

export function partialOption(): Option {
  return new Option(
    '--partial',
    'while partitions do not answer, what the others have (they are named on stderr)',
  );
}

/** On stderr, one line each: a partial answer looks like a complete one. */
export function tellMissing(missing: LocksBody['missingPartitions'], cli: CliContext): void {
  for (const { task, reason } of missing ?? []) {
    cli.progress(`locks: ${task} is missing: ${reason}`);
  }
}

export function lockPath(lockId: string): string {
  return `/v1/locks/${encodeURIComponent(lockId)}`;
}

export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
