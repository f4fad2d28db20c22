/** `GET /v1/partitions`: every task, where it runs and how far it is. */
import type { RouteGroup } from '../http-server.ts';
import { documented } from '../openapi.ts';
import { partitionsBody, type PartitionsBody } from '../peers/task-reports.ts';

export function partitionRoutes(report: () => Promise<PartitionsBody>): RouteGroup {
  return (server) => {
    server.get('/v1/partitions', { schema: partitionsDocument }, report);
  };
}

const partitionsDocument = documented({
  tags: ['operations'],
  summary: 'Where each task runs, and how far it is',
  description:
    'Asked of every instance that has tasks. One that does not answer is in `unanswered`; its tasks are unknown.',
  body: partitionsBody,
});
