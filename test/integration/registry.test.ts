import { beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { avroReader, avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema, contractText } from '../../schemas/contracts.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { testStack } from './test-system.ts';

const timeoutMs = 60_000;

describe('the registry client on a real registry', () => {
  let url: string;
  let registry: SchemaRegistryPort;

  beforeAll(async () => {
    url = (await testStack()).endpoints.schemaRegistryUrl;
    registry = createRegistryClient({ url, clock: systemClock });
  }, timeoutMs);

  test(
    'registers a contract once and reads it back by its id',
    async () => {
      const subject = `registry-test-${Date.now()}-value`;
      const id = await registry.register(subject, contractText('roll.events'));
      const again = await createRegistryClient({ url, clock: systemClock }).register(
        subject,
        contractText('roll.events'),
      );

      expect(again).toBe(id);
      expect(await registry.schemaById(id)).toContain('RollEvent');
    },
    timeoutMs,
  );

  test(
    'instances that start at once register one contract: all of them get its id',
    async () => {
      for (let round = 0; round < 5; round += 1) {
        const subject = `registry-race-${Date.now()}-${round}-value`;
        const ids = await Promise.all(
          Array.from({ length: 4 }, () =>
            createRegistryClient({ url, clock: systemClock }).register(
              subject,
              contractText('roll.events'),
            ),
          ),
        );

        expect(new Set(ids).size).toBe(1);
      }
    },
    timeoutMs,
  );

  test(
    'a subject that is checked by another rule is refused, with what mends it',
    async () => {
      const subject = `registry-rule-${Date.now()}-value`;
      await registry.register(subject, contractText('roll.events'));
      await fetch(`${url}/config/${subject}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify({ compatibility: 'NONE' }),
      });
      const refused = registry.register(subject, contractText('roll.events'));

      await expect(refused).rejects.toMatchObject({
        code: 'REGISTRY_REFUSED',
        message: expect.stringContaining(`PUT /config/${subject}`) as unknown,
      });
    },
    timeoutMs,
  );

  test(
    'refuses a change that breaks readers of any earlier version',
    async () => {
      const subject = `registry-break-${Date.now()}-value`;
      const field = (name: string, rest: object) => ({ name, type: 'string', ...rest });
      const record = (...fields: object[]) =>
        JSON.stringify({ type: 'record', name: 'Breaking', fields });
      await registry.register(subject, record(field('a', {})));

      const broken = registry.register(subject, record(field('a', {}), field('b', {})));
      expect(await errorCodeOf(broken)).toMatch(/^(SCHEMA_INCOMPATIBLE|REGISTRY_REFUSED)$/);
    },
    timeoutMs,
  );

  test(
    'an unknown id is told apart from a registry that is away',
    async () => {
      const away = createRegistryClient({ url: 'http://127.0.0.1:9', clock: systemClock });

      expect(await errorCodeOf(registry.schemaById(987_654))).toBe('SCHEMA_UNKNOWN_ID');
      expect(await errorCodeOf(away.schemaById(1))).toBe('REGISTRY_UNAVAILABLE');
    },
    timeoutMs,
  );

  test('what is written with a registered schema is read with it', () => {
    const schema = contractSchema('roll.events');

    expect(() => avroReader(schema, schema)).not.toThrow();
    expect(() => avroWriter(schema, 1)).not.toThrow();
  });
});
