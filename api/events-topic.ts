/**
 * The topics of events. Tables are made anew from them, and a reader that comes later has to see each
 * change of an entry, A → B → A: so by default they keep everything. Compaction would keep the last event
 * of a reservation's key, and lose its other entries with the rest.
 *
 * A topic that exists keeps its settings, which may be somebody's intent; a difference is told, with the way
 * out. A setting that deletes what nobody has read is not made by a start.
 */
import type { Logger } from '../kernel/logger.ts';
import type { Settings } from '../kernel/settings.ts';
import type { KafkaPort } from '../streams/index.ts';

export interface EventsTopicOptions {
  readonly port: KafkaPort;
  readonly settings: Pick<Settings, 'EVENTS_RETENTION_MS'>;
  readonly logger: Logger;
}

/** Made if it is missing. @throws what Kafka throws. */
export async function prepareEventsTopic(
  { name, partitionCount }: { readonly name: string; readonly partitionCount: number },
  { port, settings, logger }: EventsTopicOptions,
): Promise<void> {
  const wanted = {
    'cleanup.policy': 'delete',
    'retention.ms': String(settings.EVENTS_RETENTION_MS),
    'retention.bytes': '-1',
  };
  await port.admin.createTopics([{ name, partitionCount, configs: wanted }]);
  const found = (await port.admin.topicConfigs([name])).get(name) ?? {};
  const differing = Object.entries(wanted).filter(
    ([key, value]) => found[key] !== undefined && found[key] !== value,
  );
  if (differing.length === 0) return;
  const settingsText = (of: Readonly<Record<string, string | undefined>>): string =>
    differing.map(([key]) => `${key}=${of[key] ?? ''}`).join(',');
  logger.warn(
    'a topic of events does not keep what it should: tables cannot be made anew from it',
    {
      topic: name,
      is: settingsText(found),
      wanted: settingsText(wanted),
      remedy: `kafka-configs.sh --alter --entity-type topics --entity-name ${name} --add-config ${settingsText(wanted)}, or set EVENTS_RETENTION_MS to what it shall be`,
    },
  );
}
