/** `/health/liveness` (the process answers), `/health/readiness` (restored and consuming), `/metrics`. */
import type { RouteGroup } from '../http-server.ts';
import type { MetricsRegistry } from '../metrics-registry.ts';

export interface HealthSource {
  readonly name: string;
  /** Why it should not get traffic; undefined when it is ready. */
  notReady(): string | undefined;
}

export function healthRoutes(
  sources: readonly HealthSource[],
  metrics: MetricsRegistry,
): RouteGroup {
  return (server) => {
    server.get('/health/liveness', () => ({ status: 'alive' }));
    server.get('/health/readiness', async (_request, reply) => {
      const services = sources.map((source) => {
        const reason = source.notReady();
        return {
          name: source.name,
          ready: reason === undefined,
          ...(reason === undefined ? {} : { reason }),
        };
      });
      const ready = services.every((service) => service.ready);
      await reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', services });
    });
    server.get('/metrics', async (_request, reply) => {
      const { body, contentType } = await metrics.render();
      await reply.type(contentType).send(body);
    });
  };
}
