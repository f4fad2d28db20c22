/** `rollguard guard promote`: from shadow to plain, with all that is held. */
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { guardApplicationId } from '../../topology/guard/guard-names.ts';
import { applicationSettings, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { promote, type PromotionReport } from '../guard/promote.ts';
import { guardToVerify } from '../verify/guard-to-verify.ts';
import { interruptible } from '../interruptible.ts';

interface PromoteFlags {
  readonly brokers?: string;
  readonly fromSuffix: string;
  readonly toSuffix: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** @param openPort Kafka for the command; another one in tests. */
export function guardCommand(cli: CliContext, openPort = commandPort): Command {
  const guard = new Command('guard').description('the Availability Guard as a whole');
  guard
    .command('promote')
    .description(
      'carry state and offsets from the shadow application id to the plain one; all instances stopped',
    )
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--from-suffix <suffix>', 'of the id to carry over', suffix, '-shadow')
    .option('--to-suffix <suffix>', 'of the id to carry to; empty: the plain one', suffix, '')
    .option('--dry-run', 'only say what would be done')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action((flags: PromoteFlags) => runPromote(flags, cli, openPort));
  return guard;
}

const examples = `
Examples:
  rollguard guard promote --dry-run
  rollguard guard promote
  rollguard guard promote --from-suffix -trial --to-suffix -shadow --json

Stop every instance, promote, then start with SHADOW_MODE=false KAFKA_CONSUMER_GROUP_SUFFIX= (empty):
holds taken in shadow still block. Events that were written to inventory.events.shadow stay there; new
ones go to inventory.events. Interrupted or failed: run it again; start nothing before it says it is
done. The shadow's topics and group stay as they are. See docs/guides/promote.md.
Without KAFKA_BROKERS a running local stack is used.`;

async function runPromote(
  flags: PromoteFlags,
  cli: CliContext,
  openPort: typeof commandPort,
): Promise<void> {
  const from = guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: flags.fromSuffix });
  const to = guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: flags.toSuffix });
  if (from === to) {
    throw new RollguardError('USAGE', '--from-suffix and --to-suffix name the same application id');
  }
  // The registry is not asked; its address only has to be there.
  const registryUrl = cli.env['SCHEMA_REGISTRY_URL'] ?? 'http://unused';
  const isNamed = flags.brokers !== undefined || cli.env['KAFKA_BROKERS'] !== undefined;
  const settings = applicationSettings('guard', isNamed ? { ...flags, registryUrl } : flags, cli);
  const port = openPort(settings, cli);
  const interrupted = `interrupted; ${to} is not complete: run it again before it is started`;
  try {
    const { topology } = guardToVerify({
      topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
      partitionCount: settings.ROLLGUARD_PARTITIONS,
    });
    const report = await interruptible(interrupted, (signal) =>
      promote({
        ...{ port, topology, from, to, decisions: 'decisions', dryRun: flags.dryRun === true },
        ...{ clock: cli.clock, progress: cli.progress, signal },
      }),
    );
    cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
  } finally {
    await port.close();
  }
}

function render({ outcome, from, to, topics, offsets }: PromotionReport): string {
  if (outcome === 'already-promoted') return `${to} is already promoted; nothing was changed\n`;
  const isDone = outcome === 'promoted';
  const atMost = isDone ? '' : 'at most ';
  const lines = topics.map(
    (topic) =>
      `  ${topic.from} -> ${topic.to}  ${topic.partitionCount} partitions  ${atMost}${topic.records} records`,
  );
  const verb = isDone ? 'was promoted' : 'would be promoted';
  const next = isDone
    ? `start it with SHADOW_MODE=false and KAFKA_CONSUMER_GROUP_SUFFIX=${to.slice(guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: '' }).length)}\n`
    : '';
  return (
    `${from} ${verb} to ${to}: ${topics.length} topics, ${offsets.length} offsets\n` +
    `${lines.join('\n')}\n${next}`
  );
}

function suffix(text: string): string {
  if (/^[A-Za-z0-9._-]*$/.test(text)) return text;
  throw new InvalidArgumentError('It must be letters, digits, dots, dashes.');
}
