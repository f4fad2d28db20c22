/** `npm run simulate`: histories from seeds, until one violates an invariant or all are done. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeStep, type Step } from '../../testing/simulator/schedule.ts';
import { plants } from '../../testing/simulator/plants/plants.ts';
import { createCliContext, type CliContext } from '../cli-context.ts';
import { runCommand } from '../cli.ts';
import { searchSeeds, type SearchReport } from './search-seeds.ts';
import { searchWithWorkers } from './search-with-workers.ts';

export interface SimulateFlags {
  readonly seed?: number;
  readonly seeds: number;
  readonly from: number;
  readonly plant?: string;
  readonly workers: number;
  readonly json?: true;
}

// About a minute on one core.
const seedsDefault = 1_500;
const stepsShownMax = 60;

const examples = `
Examples:
  npm run simulate
  npm run -s simulate -- --seeds 100000 --workers 2
  npm run -s simulate -- --seed 4711
  npm run -s simulate -- --plant no-fencing --seeds 10000

The same seed gives the same history. Exit code: 0 every invariant held, 3 one was violated.`;

export function simulateCommand(
  args: readonly string[],
  cli = createCliContext(),
): Promise<number> {
  const program = new Command('npm run simulate --')
    .description(
      'whole systems in one process with faults from seeds; invariants after every history',
    )
    .option('--seed <number>', 'replay this one and show its history', countOrNone)
    .option('--seeds <count>', 'how many', count, seedsDefault)
    .option('--from <number>', 'the first one', countOrNone, 0)
    .addOption(
      new Option('--plant <name>', 'with this bug in it, to see that it is found').choices(
        Object.keys(plants),
      ),
    )
    .option('--workers <count>', 'processes that share the seeds', count, 1)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: SimulateFlags) => run(flags, cli));
  return runCommand(program, args, cli);
}

async function run(flags: SimulateFlags, cli: CliContext): Promise<void> {
  const { seed, workers, plant } = flags;
  const range = seed === undefined ? flags : { from: seed, seeds: 1 };
  const request = { from: range.from, seeds: range.seeds, plant };
  const report =
    workers > 1 && seed === undefined
      ? await searchWithWorkers({ ...request, workers }, cli)
      : await searchSeeds(request, cli);
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
  if (report.violation !== undefined) cli.exitCode = 3;
}

function render({ seeds, seconds, seedsPerMinute, plant, violation }: SearchReport): string {
  const what = `${seeds} seeds in ${seconds} s (${seedsPerMinute} a minute)${plant === undefined ? '' : `, with ${plant}`}`;
  if (violation === undefined) return `${what}: every invariant held\n`;
  const { seed, steps, violations, scenario, settings } = violation;
  const left = steps.length - stepsShownMax;
  const lines = [
    what,
    `seed       ${seed} (${scenario}; replay: npm run simulate -- --seed ${seed}${plant === undefined ? '' : ` --plant ${plant}`})`,
    `settings   ${JSON.stringify(settings)}`,
    'shortest history:',
    ...steps.slice(0, stepsShownMax).map((step: Step) => describeStep(step)),
    ...(left > 0 ? [`... and ${left} steps more`] : []),
    ...violations.map((text) => `VIOLATION  ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

function count(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function countOrNone(text: string): number {
  return text === '0' ? 0 : count(text);
}
