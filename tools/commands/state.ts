/** `rollguard state verify`: is the state what it must be? */
import { Command } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { rollApplicationId, rollEventsTopic } from '../../topology/roll/roll-names.ts';
import {
  applicationSettings,
  commandLogger,
  commandPort,
  type ApplicationFlags,
} from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { rollToVerify } from '../verify/roll-to-verify.ts';
import { verifyState, type StateReport, type TaskReport } from '../verify/verify-state.ts';

interface VerifyFlags extends ApplicationFlags {
  readonly application?: string;
  readonly json?: true;
}

const differenceExitCode = 3;

export function stateCommand(cli: CliContext): Command {
  const state = new Command('state').description('the local state stores');
  state
    .command('verify')
    .description(
      'compare each store with its changelog and with a recomputation from the source topics; exit 3 on a difference',
    )
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--registry-url <url>', 'the registry (default: SCHEMA_REGISTRY_URL)')
    .option('--state-dir <folder>', 'the state stores (default: ROLLGUARD_STATE_DIR)')
    .option('--application <id>', 'application id (default: roll-service with its suffix)')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: VerifyFlags) => verify(flags, cli));
  return state;
}

const examples = `
Examples:
  rollguard state verify
  rollguard state verify --state-dir .rollguard/state --json

The application must be stopped, and have processed all it read. The captured tables' topics must still
hold everything. Without KAFKA_BROKERS and SCHEMA_REGISTRY_URL a running local stack is used.`;

async function verify(flags: VerifyFlags, cli: CliContext): Promise<void> {
  const settings = applicationSettings('state', flags, cli);
  const port = commandPort(settings, cli);
  const interrupt = new AbortController();
  const onSignal = (): void =>
    interrupt.abort(new RollguardError('INTERRUPTED', 'interrupted; nothing was changed'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const report = await verifyState({
      ...rollToVerify({
        registryUrl: settings.SCHEMA_REGISTRY_URL,
        clock: cli.clock,
        applicationId: flags.application ?? rollApplicationId(settings),
        eventsTopic: rollEventsTopic(settings),
        topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
        partitionCount: settings.ROLLGUARD_PARTITIONS,
      }),
      port,
      stateDir: settings.ROLLGUARD_STATE_DIR,
      signal: interrupt.signal,
      ...{ clock: cli.clock, logger: commandLogger(cli), progress: cli.progress },
    });
    cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
    if (!report.isEqual) cli.exitCode = differenceExitCode;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await port.close();
  }
}

function render({ tasks, events, isEqual }: StateReport): string {
  const lines = [
    row('task', 'entries', 'store', 'changelog', 'recomputed', 'tail'),
    ...tasks.map((task) =>
      row(
        task.task,
        String(task.entries),
        task.store ?? 'not here',
        task.changelog,
        task.recomputed,
        String(task.tailRecords),
      ),
    ),
    ...tasks.flatMap(differencesOf),
    `events: ${events.events} of ${events.entries} entries, ${events.hash}; recomputed ${events.recomputed}`,
    ...events.repeated.map(
      (place) => `events: ${place} repeats what its entry's event before it said`,
    ),
    ...events.differing.map((id) => `events: entry ${id} differs`),
    isEqual ? 'equal: store = changelog = recomputed, every event once' : 'DIFFERENT',
  ];
  return `${lines.join('\n')}\n`;
}

function differencesOf({ task, differing }: TaskReport): readonly string[] {
  return differing.map((key) => `${task}: ${key} differs`);
}

function row(...[task = '', entries = '', ...hashes]: readonly string[]): string {
  return [task.padEnd(12), entries.padStart(8), ...hashes.map((hash) => hash.padEnd(16))]
    .join('  ')
    .trimEnd();
}
