/** What every verb that asks the HTTP API has in common: its flags, and how an answer is printed. */
import { Command } from 'commander';
import type { ApiClientFlags } from './api-client.ts';
import type { CliContext } from './cli-context.ts';

export interface ApiVerbFlags extends ApiClientFlags {
  readonly json?: true;
}

export const tenantNote = `
Ids are UUIDs. The tenant can be set once as ROLLGUARD_TENANT_ID.`;

export function apiVerb(
  name: string,
  { whose, toldIn }: { readonly whose: string; readonly toldIn: string },
): Command {
  return new Command(name)
    .option('--tenant <id>', `whose ${whose} (default: ROLLGUARD_TENANT_ID)`)
    .option(
      '--url <url>',
      'where Rollguard listens (default: ROLLGUARD_URL, else HTTP_HOST and HTTP_PORT)',
    )
    .option('--correlation-id <id>', `tells the request apart in ${toldIn} (default: random)`)
    .option('--json', 'print the answer as one JSON object on stdout');
}

export function showAnswer(
  flags: ApiVerbFlags,
  cli: CliContext,
  body: unknown,
  render: () => string,
): void {
  cli.out(flags.json === true ? `${JSON.stringify(body)}\n` : render());
}
