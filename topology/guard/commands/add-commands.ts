/** The sub-topology that takes commands in: each goes on to the partition of the guard that decides it. */
import type { InternalTopic, TopologyBuilder } from '../../../streams/index.ts';
import {
  CommandInbox,
  commandSource,
  type CommandInboxOptions,
  type CommandRoute,
} from './command-inbox.ts';

export interface CommandTopologyOptions extends CommandInboxOptions {
  /** `commands.primary`. */
  readonly topic: string;
}

export function addCommands(
  builder: TopologyBuilder,
  name: string,
  {
    commands,
    options,
  }: {
    readonly commands: InternalTopic;
    readonly options: CommandTopologyOptions;
  },
): void {
  builder
    .subTopology(name)
    .source('commands', { topics: [options.topic], deserialize: commandSource(options) })
    .processor('inbox', { parents: ['commands'], supplier: () => new CommandInbox(options) })
    .sink<string, CommandRoute>('routed', {
      parents: ['inbox'],
      topic: commands,
      serialize: ({ key, value }) => ({
        key: Buffer.from(key),
        value: Buffer.from(JSON.stringify(value.command), 'utf8'),
      }),
      partition: ({ value }) => value.partition,
    });
}
