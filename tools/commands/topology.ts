/** `rollguard topology describe`: what runs, as text, as a picture, as data. */
import { Command, Option } from 'commander';
import { noMetrics } from '../../kernel/metrics.ts';
import {
  describeTopology,
  renderTopologyMermaid,
  renderTopologyText,
  type Topology,
} from '../../streams/index.ts';
import { rollTopology } from '../../topology/roll/roll-topology.ts';
import type { CliContext } from '../cli-context.ts';

interface DescribeFlags {
  readonly format: 'text' | 'mermaid' | 'json';
  readonly application: string;
  readonly json?: true;
}

export function topologyCommand(cli: CliContext): Command {
  const topology = new Command('topology').description('what the Roll Service computes');
  topology
    .command('describe')
    .description('sub-topologies, stores and topics; needs no connection')
    .addOption(
      new Option('--format <format>', 'how').choices(['text', 'mermaid', 'json']).default('text'),
    )
    .option('--application <id>', 'application id in the names', 'roll-service-shadow')
    .option('--json', 'the same as --format json')
    .addHelpText('after', examples)
    .action((flags: DescribeFlags) => {
      const description = describeTopology(describedTopology(), flags.application);
      const format = flags.json === true ? 'json' : flags.format;
      if (format === 'json') cli.out(`${JSON.stringify(description, undefined, 2)}\n`);
      else if (format === 'mermaid') cli.out(renderTopologyMermaid(description));
      else cli.out(renderTopologyText(description));
    });
  return topology;
}

const examples = `
Examples:
  rollguard topology describe
  rollguard topology describe --format mermaid > topology.mmd
  rollguard topology describe --json`;

/** With the settings' defaults; nothing in it is called. */
function describedTopology(): Topology {
  return rollTopology({
    topicPrefix: 'platform',
    eventsTopic: 'roll.events.shadow',
    partitionCount: 4,
    decode: () => undefined,
    encodeEvent: () => Buffer.alloc(0),
    metrics: noMetrics,
  });
}
