/** `rollguard state tasks`: where each task runs and how far it is, asked of a running instance. */
import type { Command } from 'commander';
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { baseUrl } from '../api-client.ts';

interface TasksFlags {
  readonly url?: string;
  readonly json?: true;
}

const timeoutMs = 10_000;
const answerSchema = z.object({
  services: z.array(
    z.object({
      name: z.string(),
      applicationId: z.string(),
      tasks: z.array(
        z.object({
          task: z.string(),
          owner: z.string().nullable(),
          status: z.string(),
          lagRecords: z.number().nullable(),
          position: z.number().nullable(),
          progress: z.string().nullable(),
          standbys: z.array(
            z.object({
              address: z.string(),
              lagRecords: z.number().nullable(),
              position: z.number().nullable(),
            }),
          ),
        }),
      ),
      unanswered: z.array(z.object({ address: z.string(), reason: z.string() })),
    }),
  ),
});
type Answer = z.infer<typeof answerSchema>;

const examples = `
Examples:
  rollguard state tasks
  rollguard state tasks --url http://guard-2:3800 --json

Exit 1 when an instance does not answer for its tasks, or no instance answers at all.`;

export function stateTasksCommand(state: Command, cli: CliContext): void {
  state
    .command('tasks')
    .description('where each task runs and how far it is, over the HTTP API of any instance')
    .option('--url <url>', 'HTTP API (default: ROLLGUARD_URL, or HTTP_HOST and HTTP_PORT)')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: TasksFlags) => tasks(flags, cli));
}

async function tasks(flags: TasksFlags, cli: CliContext): Promise<void> {
  const url = baseUrl(flags, cli);
  const answer = await ask(url);
  cli.out(flags.json === true ? `${JSON.stringify(answer)}\n` : renderTasks(answer));
  const silent = answer.services.flatMap(({ unanswered }) => unanswered);
  const [first] = silent;
  if (first === undefined) return;
  throw new RollguardError('API_UNAVAILABLE', `${first.address} does not answer: ${first.reason}`);
}

async function ask(url: string): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${url}/v1/partitions`, { signal });
    return answerSchema.parse(await response.json());
  } catch (cause) {
    const message = `no Rollguard answers at ${url}; start it, or name another with --url`;
    throw new RollguardError('API_UNAVAILABLE', message, { cause });
  }
}

function renderTasks({ services }: Answer): string {
  const lines = services.flatMap(({ name, applicationId, tasks: all }) => [
    `${name} (${applicationId})`,
    ...all.flatMap(({ task, owner, status, progress, standbys, ...place }) => [
      [line(task, owner ?? 'nobody', { status, ...place }), progress ?? ''].join('  ').trimEnd(),
      ...standbys.map(({ address, ...standby }) =>
        line('', address, { status: 'standby', ...standby }),
      ),
    ]),
  ]);
  return `${lines.join('\n')}\n`;
}

interface Place {
  readonly status: string;
  readonly lagRecords: number | null;
  readonly position: number | null;
}

function line(task: string, address: string, { status, lagRecords, position }: Place): string {
  const words = `  ${task.padEnd(20)} ${address.padEnd(24)} ${status.padEnd(10)}`;
  return `${words}  ${lagRecords ?? '?'} behind, at ${position ?? '?'}`;
}
