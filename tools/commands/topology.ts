/** `rollguard topology describe`: what runs on Kafka, and under which names. */
import { Command, Option } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { Settings } from '../../kernel/settings.ts';
import {
  describeTopology,
  renderTopologyMermaid,
  renderTopologyText,
  type TopologyDescription,
} from '../../streams/index.ts';
import { guardApplicationId, inventoryEventsTopic } from '../../topology/guard/guard-names.ts';
import { defaultGuardOptions } from '../../topology/guard/guard-options.ts';
import { guardTopology, type GuardTopologyOptions } from '../../topology/guard/guard-topology.ts';
import type { EventInputs } from '../../topology/roll/events/add-events.ts';
import { rollApplicationId, rollEventsTopic } from '../../topology/roll/roll-names.ts';
import { rollTopology } from '../../topology/roll/roll-topology.ts';
import { offlineSettings } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';

const formats = {
  text: renderTopologyText,
  mermaid: renderTopologyMermaid,
  json: (description: TopologyDescription) => `${JSON.stringify(description)}\n`,
} as const;

const services = ['roll', 'guard'] as const;

interface DescribeFlags {
  readonly service: (typeof services)[number];
  readonly format: keyof typeof formats;
  readonly application?: string;
  readonly json?: true;
}

export function topologyCommand(cli: CliContext): Command {
  const topology = new Command('topology').description('what the application computes, as a graph');
  topology
    .command('describe')
    .description(
      "a service's topology: sub-topologies, stores, and every topic with its partitions and settings",
    )
    .addOption(
      new Option('--service <service>', 'whose topology').choices(services).default('roll'),
    )
    .addOption(
      new Option('--format <format>', 'how to print it')
        .choices(Object.keys(formats))
        .default('text'),
    )
    .option('--application <id>', "application id (default: the service's with its suffix)")
    .option('--json', 'the same as --format json')
    .addHelpText('after', examples)
    .action((flags: DescribeFlags) => describe(flags, cli));
  return topology;
}

const examples = `
Examples:
  rollguard topology describe
  rollguard topology describe --service guard
  rollguard topology describe --format mermaid > roll.mmd
  ROLLGUARD_PARTITIONS=12 rollguard topology describe --json

Names and counts follow the settings (PLATFORM_TOPIC_PREFIX, ROLLGUARD_PARTITIONS, SHADOW_MODE,
KAFKA_CONSUMER_GROUP_SUFFIX, ROLL_SERVICE_BUSINESS_DATES, ROLL_SERVICE_EVENTS_ENABLED) of the environment and .env. Nothing is asked of Kafka.`;

function describe(flags: DescribeFlags, cli: CliContext): void {
  const settings = offlineSettings(cli);
  const common = {
    topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
    partitionCount: settings.ROLLGUARD_PARTITIONS,
    decode: onlyDescribed,
    encodeEvent: onlyDescribed,
    metrics: noMetrics,
  };
  const isGuard = flags.service === 'guard';
  const topology = isGuard
    ? guardTopology({
        ...common,
        eventsTopic: inventoryEventsTopic(settings),
        notificationsTopic: settings.AVAILABILITY_GUARD_NOTIFICATION_TOPIC,
        // That of the captured tables' topics, which `connectors apply` gives the same number.
        sourcePartitionCount: settings.ROLLGUARD_PARTITIONS,
        options: defaultGuardOptions,
        ...guardStreamsOf(settings),
      })
    : rollTopology({
        ...common,
        eventsTopic: rollEventsTopic(settings),
        businessDates: settings.ROLL_SERVICE_BUSINESS_DATES,
        events: eventsOf(settings),
      });
  const named = isGuard ? guardApplicationId(settings) : rollApplicationId(settings);
  const applicationId = flags.application ?? named;
  const deadLetters = isGuard ? { deadLetterTopic: settings.INVENTORY_EVENTS_DLQ_TOPIC } : {};
  const description = describeTopology(topology, { applicationId, ...deadLetters });
  cli.out(formats[flags.json === true ? 'json' : flags.format](description));
}

/** What the guard reads beside the catalogue. */
function guardStreamsOf(settings: Settings): Partial<GuardTopologyOptions> {
  const topic = settings.COMMAND_CENTER_TOPIC;
  const ids = {
    serviceId: settings.COMMAND_CENTER_TARGET_SERVICE_ID,
    deadLetterTopic: settings.INVENTORY_EVENTS_DLQ_TOPIC,
  };
  const commands = topic === '' ? undefined : { topic, ...ids, decodeAvro: onlyDescribed };
  return { commands, followsReservations: true };
}

/** What the Roll Service reads beside the captured tables. */
function eventsOf(settings: Settings): EventInputs | undefined {
  if (!settings.ROLL_SERVICE_EVENTS_ENABLED) return undefined;
  return {
    reservationsTopic: settings.RESERVATION_EVENTS_TOPIC,
    deadLettersTopic: settings.RESERVATION_DLQ_TOPIC,
    inventoryTopic: inventoryEventsTopic(settings),
    decodeAvro: onlyDescribed,
  };
}

function onlyDescribed(): never {
  throw new RollguardError('UNSUPPORTED', 'this topology is described, not run');
}
