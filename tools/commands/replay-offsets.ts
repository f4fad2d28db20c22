/** `rollguard replay offsets`: back to older positions, and from there to where it stood. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Settings } from '../../kernel/settings.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { applicationSettings, commandLogger, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { interruptible } from '../interruptible.ts';
import { availabilityGuard } from '../replay-offsets/guard/guard-of-settings.ts';
import { replayOffsets, type ReplayReport } from '../replay-offsets/replay-offsets.ts';
import { renderReplayReport } from '../replay-offsets/replay-report-text.ts';
import type { ReplayedApplication } from '../replay-offsets/replayed-application.ts';
import { resetTarget, type AskedTarget, type TargetFlags } from '../replay-offsets/reset-target.ts';
import { sideReplay } from '../replay-offsets/side-replay.ts';
import { rollService } from '../replay-offsets/roll/roll-of-settings.ts';

interface ReplayOffsetsFlags extends TargetFlags {
  readonly application: string;
  readonly topic: readonly string[];
  readonly partition: readonly number[];
  readonly eventsTopic?: string;
  readonly into?: string;
  readonly execute?: true;
  readonly brokers?: string;
  readonly registryUrl?: string;
  readonly stateDir?: string;
  readonly json?: true;
}

type OpenApplication = (
  settings: Settings,
  parts: {
    readonly port: KafkaPort;
    readonly clock: Clock;
    readonly eventsTopic: string | undefined;
    /** For a replay into a side: itself, and the side. */
    readonly isBeside: boolean;
  },
) => Promise<ReplayedApplication>;

const applications: Readonly<Record<string, OpenApplication>> = {
  'availability-guard': availabilityGuard,
  'roll-service': rollService,
};
const differenceExitCode = 3;

const examples = `
Examples:
  rollguard replay offsets --application roll-service --to-earliest
  rollguard replay offsets --application roll-service --to-earliest --execute
  rollguard replay offsets --application roll-service --by-duration 2h --topic platform.public.reservations
  rollguard replay offsets --application roll-service --from-file offsets.csv --json
  rollguard replay offsets --application roll-service --into -compare --execute
  rollguard replay offsets --application availability-guard --to-earliest --execute
  rollguard replay offsets --application availability-guard --into -compare --execute

Without --execute nothing is changed: it prints the plan. With it every instance has to be stopped; none
starts before the replay is complete. Killed or interrupted: run the same command again.
--to-earliest of everything, where nothing was deleted yet, derives state anew; any other reset keeps it.
Outputs are held back; at the end only what differs is written, with the header x-rollguard-replay-id.
The guard's holds are folded from its decisions: nothing is decided, or said, a second time.
--into only reads the original, whose instances may run; a guard's side is compared with a moment of it,
and the report says how far it was then.
Exit 0: the state after is that of before. 3: it is another (a fixed bug, rows that were not read).
Without KAFKA_BROKERS a running local stack is used. See docs/guides/replay.md.`;

/** Adds the verb. @param openPort Kafka for the command; another one in tests. */
export function replayOffsetsCommand(
  replay: Command,
  cli: CliContext,
  openPort = commandPort,
): void {
  replay
    .command('offsets')
    .description('read inputs again from older positions, up to where the application stood')
    .addOption(
      new Option('--application <name>', 'which (with KAFKA_CONSUMER_GROUP_SUFFIX as it runs)')
        .choices(Object.keys(applications))
        .makeOptionMandatory(),
    )
    .option('--to-earliest', 'to the beginning')
    .option('--to-latest', 'to the end: what is not read yet never is')
    .option('--to-offset <offset>', 'to this offset')
    .option('--to-datetime <instant>', 'to the first records of that time, 2026-05-10T03:00:00Z')
    .option('--by-duration <duration>', 'to the records of so long ago, PT2H or 2h')
    .option('--shift-by <count>', 'by so many offsets, back with a minus')
    .option('--from-file <csv>', 'lines of topic,partition,offset')
    .option('--topic <name>', 'only this topic; more than once for several', several, [])
    .option('--partition <number>', 'only this partition; more than once', partitions, [])
    .option(
      '--events-topic <name>',
      'where its events are (default: roll.events, .shadow in shadow mode)',
    )
    .option(
      '--into <suffix>',
      'instead: into an application id with this suffix, to compare; the original may live',
      suffix,
    )
    .option('--execute', 'do it (default: only the plan)')
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--registry-url <url>', 'the registry (default: SCHEMA_REGISTRY_URL)')
    .option('--state-dir <folder>', 'the state stores (default: ROLLGUARD_STATE_DIR)')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: ReplayOffsetsFlags) => run(flags, cli, openPort));
}

async function run(
  flags: ReplayOffsetsFlags,
  cli: CliContext,
  openPort: typeof commandPort,
): Promise<void> {
  const { target, asked } = targetOf(flags, cli);
  const settings = applicationSettings('replay', flags, cli);
  const open = applications[flags.application];
  if (open === undefined) throw usage(`there is no application ${flags.application}`);
  const port = openPort(settings, cli);
  const interrupted =
    flags.into === undefined
      ? 'interrupted; if it had begun, no instance starts before the same command has come to its end'
      : 'interrupted; run the same command again: the original is as it was';
  try {
    const { into, eventsTopic } = flags;
    const parts = { port, clock: cli.clock, isBeside: into !== undefined };
    const application = await open(settings, { ...parts, eventsTopic });
    const side =
      into === undefined
        ? undefined
        : await open(withSuffix(settings, into), {
            ...{ ...parts, eventsTopic: `${application.outputTopic}${into}` },
          });
    const narrowed = [
      ...flags.topic.map((topic) => `--topic ${topic}`),
      ...flags.partition.map((partition) => `--partition ${partition}`),
    ];
    const report = await interruptible(interrupted, (signal) => {
      const run = {
        ...{ port, signal, isExecuted: flags.execute === true, random: systemRandom },
        ...{ clock: cli.clock, logger: commandLogger(cli), progress: cli.progress },
        stateDir: settings.ROLLGUARD_STATE_DIR,
      };
      if (side !== undefined) return sideReplay({ ...run, original: application, side });
      return replayOffsets({
        ...{ ...run, application, target, topics: flags.topic, partitions: flags.partition },
        asked: [`--application ${flags.application}`, asked, ...narrowed].join(' '),
      });
    });
    cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : renderReplayReport(report));
    if (isDifferent(report)) cli.exitCode = differenceExitCode;
  } finally {
    await port.close();
  }
}

function isDifferent({ outcome, before, after }: ReplayReport): boolean {
  return outcome === 'replayed' && JSON.stringify(before) !== JSON.stringify(after);
}

/** A side begins from nothing, wherever the original stands. @throws USAGE */
function targetOf(flags: ReplayOffsetsFlags, { clock }: CliContext): AskedTarget {
  const { into, topic, partition } = flags;
  const parts = { nowMs: clock.nowMs(), readFile };
  if (into === undefined) return resetTarget(flags, parts);
  if (topic.length > 0 || partition.length > 0) {
    throw usage('--into replays everything: --topic and --partition do not go with it');
  }
  return resetTarget({ ...flags, toEarliest: true }, parts);
}

function withSuffix(settings: Settings, suffixOfSide: string): Settings {
  const { KAFKA_CONSUMER_GROUP_SUFFIX: own } = settings;
  return { ...settings, KAFKA_CONSUMER_GROUP_SUFFIX: `${own}${suffixOfSide}` };
}

function suffix(text: string): string {
  if (/^[A-Za-z0-9._-]{1,50}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be letters, digits, dots, dashes, 50 at most.');
}

function several(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function partitions(value: string, before: readonly number[]): readonly number[] {
  if (/^\d{1,6}$/.test(value)) return [...before, Number(value)];
  throw new InvalidArgumentError('It must be the number of a partition.');
}

function readFile(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    throw usage(`--from-file ${name} cannot be read: ${messageOf(error)}`);
  }
}

function usage(message: string): RollguardError {
  return new RollguardError('USAGE', message);
}
