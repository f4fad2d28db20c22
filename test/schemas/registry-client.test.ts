import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { contractText } from '../../schemas/contracts.ts';

const subject = 'orders-value';

describe('the registry client', () => {
  let server: Server;
  afterEach(() => {
    server.close();
  });

  /** A registry that knows the subject and says, one after the other, by which rules it checks it. */
  async function registryThatSays(...rules: readonly string[]): Promise<string> {
    let asked = 0;
    server = createServer((request, response) => {
      const rule = rules[Math.min(asked, rules.length - 1)];
      if (request.url === `/config/${subject}`) asked += 1;
      const answer =
        request.url === `/config/${subject}` ? { compatibilityLevel: rule } : { id: 7 };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  test('asks again when another instance has made the subject and not set its rule yet', async () => {
    const url = await registryThatSays('NONE', 'BACKWARD_TRANSITIVE');
    const registry = createRegistryClient({ url, clock: systemClock });

    expect(await registry.register(subject, contractText('roll.events'))).toBe(7);
  });

  test('refuses a subject whose rule stays another one, and says what mends it', async () => {
    const url = await registryThatSays('NONE');
    const registry = createRegistryClient({ url, clock: systemClock });

    await expect(registry.register(subject, contractText('roll.events'))).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
      message: expect.stringContaining(`PUT /config/${subject}`),
    });
  });
});
