import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseSettings, renderEnvExample, settingsTable } from '../../kernel/settings.ts';

const required = { KAFKA_BROKERS: 'localhost:9092', SCHEMA_REGISTRY_URL: 'http://localhost:8081' };

describe('settings', () => {
  test('fills in defaults and types', () => {
    expect(parseSettings(required)).toMatchObject({
      KAFKA_BROKERS: ['localhost:9092'],
      HTTP_PORT: 3800,
      SHADOW_MODE: true,
      KAFKA_CONSUMER_GROUP_SUFFIX: '-shadow',
    });
  });

  test('roll alone has ports of its own, unless they are set', () => {
    const alone = { ...required, ROLLGUARD_SERVICES: 'roll' };

    expect(parseSettings(alone)).toMatchObject({ HTTP_PORT: 3900, GRPC_PORT: 4401 });
    expect(parseSettings({ ...alone, HTTP_PORT: '5000' })).toMatchObject({ HTTP_PORT: 5000 });
    expect(parseSettings({ ...required, ROLLGUARD_SERVICES: 'guard' })).toMatchObject({
      ...{ HTTP_PORT: 3800, GRPC_PORT: 4400 },
    });
  });

  test.each([
    ['KAFKA_BROKERS', 'nonsense', 'must be host:port'],
    ['HTTP_PORT', '70000', 'must be at most 65535'],
    ['SHADOW_MODE', 'yes', 'must be true or false'],
    ['ROLLGUARD_PARTITIONS', '0', 'must be a whole number above 0'],
    ['SCHEMA_REGISTRY_URL', 'registry', 'must be a URL'],
  ])('a wrong %s is refused by name', (name, value, remedy) => {
    expect(() => parseSettings({ ...required, [name]: value })).toThrow(
      `${name}=${value}: ${remedy}`,
    );
  });

  test('a missing required setting is named with what it is for', () => {
    expect(() => parseSettings({})).toThrow('KAFKA_BROKERS is not set: Kafka bootstrap servers');
  });

  test('.env.example holds every setting', () => {
    const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

    expect(example).toBe(renderEnvExample());
    for (const name of Object.keys(settingsTable)) expect(example).toContain(`${name}=`);
  });
});
