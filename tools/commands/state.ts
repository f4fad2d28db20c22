/** `rollguard state`: is the state what it must be, and who keeps it? */
import { Command, Option } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import {
  applicationSettings,
  commandLogger,
  commandPort,
  type ApplicationFlags,
} from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { renderReports } from '../verify/verify-report.ts';
import { stateTasksCommand } from './state-tasks.ts';
import { verifyServices, type ServiceName } from '../verify/verify-services.ts';
import { interruptible } from '../interruptible.ts';

interface VerifyFlags extends ApplicationFlags {
  readonly service?: ServiceName;
  readonly application?: string;
  readonly json?: true;
}

const differenceExitCode = 3;

/** @param openPort Kafka for the command; another one in tests. */
export function stateCommand(cli: CliContext, openPort = commandPort): Command {
  const state = new Command('state').description('the state stores, and the tasks that keep them');
  state
    .command('verify')
    .description(
      'compare each store with its changelog and with what it was made of; exit 3 on a difference',
    )
    .addOption(
      new Option(
        '--service <name>',
        'only this one (default: those of ROLLGUARD_SERVICES)',
      ).choices([...['roll', 'guard']]),
    )
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--registry-url <url>', 'the registry (default: SCHEMA_REGISTRY_URL)')
    .option('--state-dir <folder>', 'the state stores (default: ROLLGUARD_STATE_DIR)')
    .option(
      '--application <id>',
      'application id of the --service (default: roll-service or availability-guard with its suffix)',
    )
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: VerifyFlags) => verify(flags, cli, openPort));
  stateTasksCommand(state, cli);
  return state;
}

const examples = `
Examples:
  rollguard state verify
  rollguard state verify --service guard
  rollguard state verify --state-dir .rollguard/state --json

roll   store = changelog = the captured tables' topics computed again; every event once.
       Has to have processed all it read, and the topics must still hold everything.
guard  store = changelog = the log of decisions folded from nothing; the events of the decisions =
       the events of inventory.events, none missing, none twice.

The application must be stopped. Without KAFKA_BROKERS and SCHEMA_REGISTRY_URL a running local stack
is used. Nothing is changed.`;

async function verify(
  flags: VerifyFlags,
  cli: CliContext,
  openPort: typeof commandPort,
): Promise<void> {
  if (flags.application !== undefined && flags.service === undefined) {
    throw new RollguardError(
      'USAGE',
      '--application is the id of one service: say which with --service roll or --service guard',
    );
  }
  const settings = applicationSettings('state', flags, cli);
  const port = openPort(settings, cli);
  try {
    const services = await interruptible('interrupted; nothing was changed', (signal) =>
      verifyServices({
        services:
          flags.service === undefined
            ? (settings.ROLLGUARD_SERVICES as readonly ServiceName[])
            : [flags.service],
        applicationId: flags.application,
        ...{ settings, port, signal },
        ...{ clock: cli.clock, logger: commandLogger(cli), progress: cli.progress },
      }),
    );
    const isEqual = services.every((each) => each.isEqual);
    cli.out(
      flags.json === true ? `${JSON.stringify({ services, isEqual })}\n` : renderReports(services),
    );
    if (!isEqual) cli.exitCode = differenceExitCode;
  } finally {
    await port.close();
  }
}
