/**
 * The HTTP API's own description: OpenAPI 3.1 from the schemas that check requests and shape answers
 * (zod → JSON schema), as a page at `/docs` and as JSON at `/docs/json`. Describes, never validates.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import { problemContentType, problemBody } from './problem.ts';

export const tenantHeaders = z.object({
  'x-tenant-id': z.string().describe('the tenant that asks'),
});

export interface RouteDocument {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly headers?: z.ZodType;
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  /** Of answers with status 200; undefined: described by `contentType` only. */
  readonly body?: z.ZodType;
  /** Of answers without a body schema. */
  readonly contentType?: string;
  /** Statuses that are answered with a problem (RFC 9457). */
  readonly problems?: readonly number[];
}

const problemTexts: Readonly<Record<number, string>> = {
  400: 'a field is missing or not allowed',
  404: 'nothing has this id',
  503: 'the owner of this key is restoring; try again after Retry-After',
};

/** A route's `schema`, as @fastify/swagger reads it. */
export function documented(route: RouteDocument): FastifySchema {
  const { tags, summary, description, headers, params, querystring, body, contentType } = route;
  const ok = {
    description: 'OK',
    content:
      body === undefined
        ? { [contentType ?? 'text/plain']: { schema: { type: 'string' } } }
        : { 'application/json': { schema: jsonSchema(body, 'output') } },
  };
  const problems = (route.problems ?? []).map((status) => [
    status,
    {
      description: problemTexts[status] ?? 'an error',
      content: { [problemContentType]: { schema: jsonSchema(problemBody, 'output') } },
    },
  ]);
  return {
    tags: [...tags],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(headers === undefined ? {} : { headers: jsonSchema(headers, 'input') }),
    ...(params === undefined ? {} : { params: jsonSchema(params, 'input') }),
    ...(querystring === undefined ? {} : { querystring: jsonSchema(querystring, 'input') }),
    response: { 200: ok, ...(Object.fromEntries(problems) as object) },
  };
}

/** Adds the description and its page; before any route. */
export async function describeApi(server: FastifyInstance, version: string): Promise<void> {
  // Requests are checked by the routes themselves, with errors that name the field.
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (body) => JSON.stringify(body));
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Rollguard',
        description: 'Ledgers and totals of hotel reservations, from committed state.',
        version,
      },
      tags: [
        { name: 'ledgers', description: 'What each reservation and business date earned' },
        { name: 'operations', description: 'Health and metrics' },
      ],
    },
  });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
  });
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  // The document as a whole names its dialect.
  return $schema === undefined ? {} : rest;
}
