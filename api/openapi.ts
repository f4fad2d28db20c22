/**
 * The HTTP API's own description: OpenAPI 3.1 from the schemas that check requests and shape answers
 * (zod → JSON schema), as a page at `/docs` and as JSON at `/docs/json`. Describes, never validates.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import { problemBody, problemContentType, retryAfterSeconds, type Problem } from './problem.ts';
import { tenantField, tenantHeader } from './request-fields.ts';

export const tenantHeaders = z.object({ [tenantHeader]: tenantField });

export interface RouteDocument {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly headers?: z.ZodType;
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  /** JSON. */
  readonly requestBody?: z.ZodType;
  /** Of answers with status 200; undefined: described by `contentType` only. */
  readonly body?: z.ZodType;
  /** Of answers without a body schema. */
  readonly contentType?: string;
  /** Answers with other statuses that are no problems. */
  readonly otherBodies?: Readonly<Record<number, { description: string; body: z.ZodType }>>;
  /** Headers of answers with status 200: name → meaning. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Statuses that are answered with a problem (RFC 9457), with an example of each. */
  readonly problems?: readonly Problem[];
  /** True: status 503 comes with the body of status 200. */
  readonly hasBodyWhenUnavailable?: true;
}

const problemTexts: Readonly<Record<number, string>> = {
  400: 'a field is missing or not allowed',
  403: 'the request names another tenant than its header, or shows no token that may do this',
  404: 'nothing has this id',
  412: 'what the request relies on is not so (any more)',
  413: 'the body is too large',
  415: 'the body is no JSON',
  429: 'too many calls wait; try again after Retry-After',
  500: 'an unexpected error',
  503: 'the owner of this key is restoring, partitions do not answer, or the outcome of a write is unknown: try again after Retry-After; or it is switched off',
  504: 'not decided in time',
};

/** A route's `schema`, as @fastify/swagger reads it. */
export function documented(route: RouteDocument): FastifySchema {
  const { tags, summary, description, headers, params, querystring, requestBody } = route;
  const ok = {
    description: 'OK',
    headers: headersOf(route.answerHeaders),
    content: contentOf(route),
  };
  const unavailable = { description: 'not ready', content: contentOf(route) };
  return {
    tags: [...tags],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(headers === undefined ? {} : { headers: jsonSchema(headers, 'input') }),
    ...(params === undefined ? {} : { params: jsonSchema(params, 'input') }),
    ...(querystring === undefined ? {} : { querystring: jsonSchema(querystring, 'input') }),
    ...(requestBody === undefined ? {} : { body: jsonSchema(requestBody, 'input') }),
    response: {
      200: ok,
      ...Object.fromEntries(
        (route.problems ?? []).map((each) => [each.status, problemAnswer(each)]),
      ),
      ...otherAnswersOf(route),
      ...(route.hasBodyWhenUnavailable === true ? { 503: unavailable } : {}),
    },
  };
}

function contentOf({ body, contentType = 'text/plain' }: RouteDocument): object {
  return body === undefined
    ? { [contentType]: { schema: { type: 'string' } } }
    : { 'application/json': { schema: jsonSchema(body, 'output') } };
}

function otherAnswersOf({ otherBodies = {}, answerHeaders }: RouteDocument): object {
  return Object.fromEntries(
    Object.entries(otherBodies).map(([status, { description, body }]) => [
      status,
      {
        description,
        headers: headersOf(answerHeaders),
        content: { 'application/json': { schema: jsonSchema(body, 'output') } },
      },
    ]),
  );
}

function problemAnswer(example: Problem): object {
  const seconds = retryAfterSeconds(example);
  const retryAfter = { 'retry-after': 'seconds to wait before the next try' };
  return {
    description: problemTexts[example.status] ?? 'an error',
    headers: headersOf(seconds === undefined ? {} : retryAfter),
    content: { [problemContentType]: { schema: jsonSchema(problemBody, 'output'), example } },
  };
}

function headersOf(headers: Readonly<Record<string, string>> = {}): object {
  return Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name, { type: 'string', description: text }]),
  );
}

// Nothing from elsewhere, nothing inline. Without swagger-ui's `upgrade-insecure-requests`, which
// breaks the page wherever the API is reached by plain HTTP under a name other than localhost.
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

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
        description:
          'Holds on rooms; ledgers and totals of hotel reservations, from committed state.',
        version,
      },
      tags: [
        { name: 'locks', description: 'Holds on rooms and room types' },
        { name: 'availability', description: 'What is free' },
        { name: 'audit', description: 'Releases by hand, and who did what to holds' },
        { name: 'ledgers', description: 'What each reservation and business date earned' },
        { name: 'operations', description: 'Health and metrics' },
      ],
    },
  });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
  });
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const found = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  // The document says once which dialect its schemas have.
  delete found.$schema;
  return found;
}
