/** `/health/liveness` (the process answers), `/health/readiness` (restored and consuming), `/metrics`. */
import { z } from 'zod';
import type { RouteGroup } from '../http-server.ts';
import type { MetricsRegistry } from '../metrics-registry.ts';
import { documented } from '../openapi.ts';

export interface HealthSource {
  readonly name: string;
  /** Why it should not get traffic; undefined when it is ready. */
  notReady(): string | undefined;
  /** What somebody should look at, though it is ready. */
  warning?(): string | undefined;
}

export function healthRoutes(
  sources: readonly HealthSource[],
  metrics: MetricsRegistry,
): RouteGroup {
  return (server) => {
    server.get('/health/liveness', { schema: livenessDocument }, () => ({ status: 'alive' }));
    server.get('/health/readiness', { schema: readinessDocument }, async (_request, reply) => {
      const services = sources.map((source) => {
        const [reason, warning] = [source.notReady(), source.warning?.()];
        return {
          name: source.name,
          ready: reason === undefined,
          ...(reason === undefined ? {} : { reason }),
          ...(warning === undefined ? {} : { warning }),
        };
      });
      const ready = services.every((service) => service.ready);
      await reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', services });
    });
    server.get('/metrics', { schema: metricsDocument }, async (_request, reply) => {
      const { body, contentType } = await metrics.render();
      await reply.type(contentType).send(body);
    });
  };
}

const livenessDocument = documented({
  tags: ['operations'],
  summary: 'The process answers',
  body: z.object({ status: z.literal('alive') }),
});

const readinessDocument = documented({
  tags: ['operations'],
  summary: 'Whether it is restored and consuming',
  description: 'Status 503 with the same body, and a reason, while it is not.',
  hasBodyWhenUnavailable: true,
  body: z.object({
    status: z.enum(['ready', 'not ready']),
    services: z.array(
      z.object({
        ...{ name: z.string(), ready: z.boolean(), reason: z.string().optional() },
        warning: z.string().optional().describe('ready, but somebody should look'),
      }),
    ),
  }),
});

const metricsDocument = documented({
  tags: ['operations'],
  summary: 'Metrics for Prometheus',
  contentType: 'text/plain; version=0.0.4',
});
