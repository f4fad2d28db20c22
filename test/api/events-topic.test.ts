/** How long the topics of events keep their records. */
import { describe, expect, test } from '@jest/globals';
import { prepareEventsTopic } from '../../api/events-topic.ts';
import type { Logger } from '../../kernel/logger.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const name = 'roll.events.shadow';

/** Starts with these configs of a topic that is there already; undefined: there is none. */
async function start(
  EVENTS_RETENTION_MS: number,
  configs?: Readonly<Record<string, string>>,
): Promise<{ readonly found: object; readonly warned: readonly object[] }> {
  const port = new InProcessKafka(new ManualClock()).client();
  const warned: object[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_message, fields) => void warned.push(fields ?? {}),
  };
  if (configs !== undefined) {
    await port.admin.createTopics([{ name, partitionCount: 6, configs }]);
  }
  const settings = { EVENTS_RETENTION_MS };
  await prepareEventsTopic({ name, partitionCount: 6 }, { port, settings, logger });
  return { found: (await port.admin.topicConfigs([name], 'own')).get(name) ?? {}, warned };
}

describe('a topic of events', () => {
  test('is made to keep its records for ever, or as long as the setting says', async () => {
    const kept = { 'cleanup.policy': 'delete', 'retention.bytes': '-1' };

    expect(await start(-1)).toEqual({ found: { ...kept, 'retention.ms': '-1' }, warned: [] });
    expect(await start(1_000)).toEqual({ found: { ...kept, 'retention.ms': '1000' }, warned: [] });
  });

  test('that exists with other settings keeps them, and the start says what to do', async () => {
    const configs = { 'cleanup.policy': 'compact', 'retention.ms': '604800000' };
    const { found, warned } = await start(-1, configs);

    expect(found).toEqual(configs);
    expect(warned).toEqual([
      {
        topic: name,
        is: 'cleanup.policy=compact,retention.ms=604800000',
        wanted: 'cleanup.policy=delete,retention.ms=-1',
        remedy: expect.stringContaining(
          `--entity-name ${name} --add-config cleanup.policy=delete,retention.ms=-1`,
        ) as unknown,
      },
    ]);
  });

  test('that exists as it should is nothing to tell', async () => {
    const { warned } = await start(-1, { 'cleanup.policy': 'delete', 'retention.ms': '-1' });

    expect(warned).toEqual([]);
  });

  test.each(['0', '-2', '7 days', ''])('cannot be made to keep them for %j', (value) => {
    const environment = { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: 'http://a' };

    expect(() => parseSettings({ ...environment, EVENTS_RETENTION_MS: value })).toThrow(
      /EVENTS_RETENTION_MS.*must be -1, or milliseconds above 0/,
    );
  });
});
