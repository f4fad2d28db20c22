/** `npm run faults`: faults from a seed under a load, and the verdict. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { createCliContext, type CliContext } from '../cli-context.ts';
import { runCommand } from '../cli.ts';
import { bookingsWorkload, chainWorkload } from '../start/workload.ts';
import { runCampaign } from './campaign.ts';
import { renderCampaign } from './campaign-report.ts';
import { faultKinds, instancesMax, type FaultCounts, type FaultKind } from './fault-plan.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = '.rollguard/faults';

interface FaultsFlags {
  readonly seed?: number;
  readonly bookings?: string;
  readonly limit?: number;
  readonly days: number;
  readonly instances: number;
  readonly application?: number;
  readonly meanSeconds: number;
  readonly json?: true;
}

/** How often unless an option says otherwise, and what that is. */
const kinds: Readonly<Record<FaultKind, readonly [count: number, about: string]>> = {
  kill: [14, 'kill -9 of an instance, some before it has taken over'],
  freeze: [8, 'SIGSTOP past the session timeout, then SIGCONT'],
  terminate: [6, 'SIGTERM of an instance, which has to end in order'],
  cut: [6, 'an instance cut off from the broker: refused, or silent'],
  delay: [5, 'a slow link between an instance and the broker'],
  scale: [6, 'another number of instances, 1 to 3'],
  'lose-state': [3, 'kill -9 of an instance, and its state folder is gone'],
  'disk-full': [
    2,
    'no write to any file succeeds (a limit on their size), longer than a checkpoint',
  ],
  clock: [4, 'an instance started with its clock off by up to 5 minutes'],
  connect: [3, 'kill -9 of the Connect worker'],
  kafka: [4, 'kill -9 of the broker'],
  postgres: [1, 'kill -9 of Postgres; a generated chain below it is given up'],
  registry: [2, 'kill -9 of the registry'],
};

const examples = `
Examples:
  npm run faults -- --bookings hotel-bookings.csv
  npm run -s faults -- --seed 7 --json
  npm run faults -- --instances 1 --kill 20 --scale 0 --freeze 0
  npm run faults -- --only --freeze 5 --cut 5

The same seed lets the same parts fail after the same delays; what they are doing then is up to the machine.`;

/** Returns the exit code: 0 everything held, 3 a violation. */
export function faults(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('npm run faults --')
    .description(
      'lets every part fail under load, then checks from durable data that nothing is wrong',
    )
    .option('--seed <number>', 'of the faults (default: the time)', count)
    .option('--bookings <csv>', 'load this file of bookings before the generated chains', undefined)
    .option('--limit <bookings>', 'with --bookings: only the first bookings of the file', count)
    .option('--days <days>', 'of each generated chain', count, 5)
    .option('--instances <number>', 'instances of the application at first: 1 to 3', upToMax, 3)
    .option('--only', 'none of what is not named')
    .option('--mean-seconds <seconds>', 'mean time between two faults', count, 4)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples);
  for (const kind of faultKinds) {
    const [usual, about] = kinds[kind];
    program.option(`--${kind} <times>`, `${about} (default: ${usual})`, countOrNone);
  }
  program
    .option('--application <times>', 'the same as --kill', countOrNone)
    .action((flags: FaultsFlags) => run(flags, cli));
  return runCommand(program, args, cli);
}

async function run(flags: FaultsFlags, cli: CliContext): Promise<void> {
  const { bookings, days, instances } = flags;
  const seed = flags.seed ?? Math.floor(cli.clock.nowMs() / 1_000);
  const report = await runCampaign({
    workload:
      bookings === undefined
        ? chainWorkload({ seed, days })
        : bookingsWorkload(bookings, flags.limit),
    ...{ seed, days, instances },
    faults: countsOf({ kill: flags.application, ...flags }),
    meanDelayMs: flags.meanSeconds * 1_000,
    isFresh: true,
    ...{ root, env: cli.env, clock: cli.clock, progress: cli.progress },
    signal: abortOnSignals(),
    stateDir: path.join(root, folder),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : renderCampaign(report));
  if (report.violations.length > 0) cli.exitCode = 3;
}

function countsOf(flags: object): FaultCounts {
  const given = flags as Readonly<Record<string, number | true | undefined>>;
  const wished = (kind: FaultKind): number => {
    const named = given[kind.replace(/-(.)/, (_, letter: string) => letter.toUpperCase())];
    if (typeof named === 'number') return named;
    return given['only'] === true ? 0 : kinds[kind][0];
  };
  return Object.fromEntries(faultKinds.map((kind) => [kind, wished(kind)])) as FaultCounts;
}

/** The first signal stops in order; a second one ends this process, and the rest ends with it. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new RollguardError('INTERRUPTED', 'interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}

function count(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function countOrNone(text: string): number {
  return text === '0' ? 0 : count(text);
}

function upToMax(text: string): number {
  const number = count(text);
  if (number <= instancesMax) return number;
  throw new InvalidArgumentError(`It must be at most ${instancesMax}.`);
}
