import { beforeAll, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { createHttpApplication } from '../../api/http-server.ts';
import { ledgerBody, totalsBody } from '../../api/ledger-answers.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { healthRoutes } from '../../api/routes/health.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { silentLogger } from '../../kernel/logger.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, { get: Operation }>;
}
interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean }[];
  readonly responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}
interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001';
const position = { partition: 0, offset: 1 };
let server: FastifyInstance;
let document: Document;

beforeAll(async () => {
  const queries = {
    ledger: () => Promise.resolve({ entries: [], position }),
    property: () =>
      Promise.resolve({ days: [], zone: undefined, lastClosedDate: undefined, position }),
  };
  server = await createHttpApplication({
    routes: [ledgerRoutes(queries), healthRoutes([], createMetricsRegistry())],
    logger: silentLogger,
  });
  document = (await server.inject('/docs/json')).json<Document>();
});

describe('the API description', () => {
  test('is OpenAPI 3.1 and names every route there is', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/health/liveness',
      '/health/readiness',
      '/metrics',
      '/v1/ledgers',
      '/v1/ledgers/{reservationId}',
    ]);
    for (const { get } of Object.values(document.paths)) {
      expect(get.summary).not.toBe('');
      expect(get.tags).toHaveLength(1);
    }
  });

  test('says what a request must carry and how it may be refused', () => {
    const { get } = document.paths['/v1/ledgers']!;
    const parameters = get.parameters?.map((each) => [each.in, each.name, each.required]);

    expect(parameters).toEqual(
      expect.arrayContaining([
        ['header', 'x-tenant-id', true],
        ['query', 'propertyId', true],
        ['query', 'from', true],
        ['query', 'to', true],
      ]),
    );
    expect(Object.keys(get.responses).sort()).toEqual(['200', '400', '503']);
    const problem = get.responses['400']?.content?.['application/problem+json']?.schema;
    expect(problem?.required).toEqual(['type', 'title', 'status', 'detail', 'code']);
  });

  test.each([
    ['/v1/ledgers/{reservationId}', `/v1/ledgers/${id}`, ledgerBody],
    ['/v1/ledgers', `/v1/ledgers?propertyId=${id}&from=2026-01-01&to=2026-01-02`, totalsBody],
  ])('real answers of %s have the documented shape', async (route, url, body) => {
    const answer = (await server.inject({ url, headers: { 'x-tenant-id': 't' } })).json<object>();
    const schema =
      document.paths[route]?.get.responses['200']?.content?.['application/json']?.schema;

    expect(body.parse(answer)).toEqual(answer);
    expect(Object.keys(schema?.properties ?? {}).sort()).toEqual(Object.keys(answer).sort());
  });

  test('is a page that loads nothing from elsewhere, under a policy that says so', async () => {
    const page = await server.inject('/docs/');
    const policy = String(page.headers['content-security-policy']);

    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('swagger-ui');
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain("script-src 'unsafe-inline'");
  });
});
