/** `rollguard stack up|down|status|logs|lock`: real Postgres, Kafka, Connect and registry, no Docker. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { stackJars } from '../stack/artifacts.ts';
import { olderKafkaJars } from '../stack/older-kafka.ts';
import { peerJars } from '../stack/peer-jars.ts';
import { lockPinnedJars } from '../stack/pinned-jars.ts';
import { formatShaList } from '../stack/sha-list.ts';
import { showLogs } from '../stack/show-logs.ts';
import { stackFolders } from '../stack/stack-folders.ts';
import { partNames } from '../stack/stack-state.ts';
import { stackStatus, type PartStatus } from '../stack/stack-status.ts';
import { stackDown, stackUp, type StackOptions } from '../stack/stack.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const secondSignalExitCode = 130;

export function stackCommand(cli: CliContext): Command {
  const stack = new Command('stack').description('start, stop and look at the local stack');
  const options: StackOptions = { root, env: cli.env, clock: cli.clock, progress: cli.progress };
  addUp(stack, cli, options);
  addDown(stack, cli, options);
  addStatus(stack, cli, options);
  addLogs(stack, cli, options);
  addLock(stack, cli, options);
  return stack;
}

function addUp(stack: Command, cli: CliContext, options: StackOptions): void {
  stack
    .command('up')
    .description('start what does not run yet; it stays until `stack down`')
    .option('--timeout <seconds>', 'for starting the parts, after what is fetched', positive, 120)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', upExamples)
    .action(async (flags: { timeout: number; json?: true }) => {
      const signal = abortOnSignals();
      const timeoutMs = flags.timeout * 1_000;
      const state = await stackUp({ ...options, signal, timeoutMs, detached: true });
      const { endpoints, parts } = state;
      if (flags.json === true) cli.out(`${JSON.stringify({ endpoints, parts })}\n`);
      else cli.out(Object.entries(endpoints).map(nameAndValue).join(''));
    });
}

const upExamples = `
Examples:
  rollguard stack up
  rollguard stack up --json
  ROLLGUARD_STACK_DIR=/tmp/second-stack rollguard stack up

Fetched programs stay in ROLLGUARD_CACHE_DIR (default: the user's cache folder).`;

function addDown(stack: Command, cli: CliContext, options: StackOptions): void {
  stack
    .command('down')
    .description('stop what `stack up` started; data stays')
    .option('--delete-data', 'delete the data of all parts too')
    .action(async (flags: { deleteData?: true }) => {
      const isStopped = await stackDown({ ...options, deleteData: flags.deleteData });
      cli.progress(isStopped ? 'stack: stopped' : 'stack: nothing was running');
    });
}

function addStatus(stack: Command, cli: CliContext, options: StackOptions): void {
  stack
    .command('status')
    .description('ask every part whether it is healthy; exit 1 when one is not')
    .option('--json', 'print one JSON object on stdout')
    .action(async (flags: { json?: true }) => {
      const status = await stackStatus(options);
      if (!status.isHealthy) cli.exitCode = 1;
      if (flags.json === true) cli.out(`${JSON.stringify(status)}\n`);
      else cli.out(status.parts.map(statusLine).join(''));
    });
}

function statusLine({ name, health, pid, ports, detail }: PartStatus): string {
  const where = Object.entries(ports ?? {}).map(([port, number]) => `${port} ${number}`);
  const columns = [name.padEnd(9), health.padEnd(10), `pid ${pid ?? '-'}`.padEnd(12)];
  return `${[...columns, where.join(', '), detail].join(' ').trimEnd()}\n`;
}

function addLogs(stack: Command, cli: CliContext, options: StackOptions): void {
  stack
    .command('logs')
    .description('print the end of the logs')
    .argument('[part]', `one of ${[...partNames, 'supervisor'].join(', ')}; all when left out`)
    .option('-n, --lines <count>', 'lines of each log', positive, 50)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (part: string | undefined, flags: { lines: number; follow?: true }) => {
      await showLogs({
        ...{ folder: stackFolders(options).logs, part, lines: flags.lines },
        ...{ clock: cli.clock, out: cli.out },
        follow: flags.follow === true ? abortOnSignals() : undefined,
      });
    });
}

/** For maintainers: what a changed pom resolves to becomes the list everybody's fetch is held to. */
function addLock(stack: Command, cli: CliContext, options: StackOptions): void {
  stack
    .command('lock')
    .description('resolve the poms and write the SHA-256 of every jar to the list beside each')
    .addOption(new Option('--dry-run', 'print the lists instead of writing them'))
    .action(async (flags: { dryRun?: true }) => {
      const { cache } = stackFolders(options);
      const signal = abortOnSignals();
      for (const jars of [stackJars, olderKafkaJars, peerJars]) {
        const list = await lockPinnedJars(jars, { ...options, cache, signal });
        if (flags.dryRun === true) cli.out(formatShaList(list));
        else writeFileSync(jars.shaListFile, formatShaList(list));
        cli.progress(`jars: ${list.size} files of ${jars.name}`);
      }
    });
}

/** Aborts on the first Ctrl-C; the second ends this process, while the supervisor goes on stopping. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(secondSignalExitCode);
    controller.abort(new RollguardError('INTERRUPTED', 'interrupted'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

function nameAndValue([name, value]: [string, string]): string {
  return `${name.padEnd(24)} ${value}\n`;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}
