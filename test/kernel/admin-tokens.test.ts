import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseSettings, type Settings } from '../../kernel/settings.ts';

const required = { KAFKA_BROKERS: 'localhost:9092', SCHEMA_REGISTRY_URL: 'http://localhost:8081' };
const setting = 'AVAILABILITY_GUARD_ADMIN_TOKENS';
const tenant = '7e000000-0000-4000-8000-000000000001';
const digest = hash('sha256', 'secret');
const otherDigest = hash('sha256', 'other');

function tokensOf(value: string): Settings['AVAILABILITY_GUARD_ADMIN_TOKENS'] {
  return parseSettings({ ...required, [setting]: value })[setting];
}

describe('AVAILABILITY_GUARD_ADMIN_TOKENS', () => {
  test('is nobody unless it is set', () => {
    expect(parseSettings(required)[setting]).toEqual([]);
    expect(tokensOf(' ,, ')).toEqual([]);
  });

  test('takes entries between commas or blanks, each with its tenants', () => {
    const found = tokensOf(`desk:${digest}:${tenant.toUpperCase()}+t2, ops:${otherDigest}:t:3\n`);

    expect(found).toEqual([
      { id: 'desk', digest: Buffer.from(digest, 'hex'), tenantIds: [tenant, 't2'] },
      { id: 'ops', digest: Buffer.from(otherDigest, 'hex'), tenantIds: ['t:3'] },
    ]);
  });

  test.each([
    ['the token itself instead of its digest', 'desk:secret:t', 'entry 1 must have the SHA-256'],
    ['a token alone', 'secret', 'entry 1 must have the SHA-256'],
    ['no tenant', `desk:${digest}:`, 'entry 1 must name its tenants at the end'],
    ['no tenants part', `desk:${digest}`, 'entry 1 must name its tenants at the end'],
    ['an empty tenant', `desk:${digest}:t++u`, 'entry 1 must name its tenants at the end'],
    ['no id', `:${digest}:t`, 'entry 1 must begin with an id'],
    ['an id twice', `a:${digest}:t a:${otherDigest}:t`, 'entry 2 has the id or the token'],
    ['a token twice', `a:${digest}:t b:${digest}:u`, 'entry 2 has the id or the token'],
    ['too many', Array.from({ length: 101 }, () => 'x').join(' '), 'must be at most 100 entries'],
  ])('with %s is refused by name, and shows nothing of what was set', (_what, value, remedy) => {
    const parse = (): unknown => tokensOf(value);

    expect(parse).toThrow(`${setting}: ${remedy}`);
    expect(parse).not.toThrow(/secret|desk|[0-9a-f]{64}/);
  });
});

describe('AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS', () => {
  test('is a list, each once', () => {
    const name = 'AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS';
    const parsed = parseSettings({ ...required, [name]: 'a@b.example, #front\n#front' });

    expect(parsed[name]).toEqual(['a@b.example', '#front']);
    expect(parseSettings(required)[name]).toEqual([]);
  });
});
