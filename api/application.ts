/**
 * One running instance, put together: registry, Kafka, the services, the HTTP window. Knows the order
 * of starting and stopping, nothing of what the parts do.
 */
import { hostname } from 'node:os';
import { BackfillService } from '../backfill/backfill-service.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Settings } from '../kernel/settings.ts';
import { createRegistryClient } from '../schemas/registry-client.ts';
import { createKafkajsPort } from '../streams/kafka/kafkajs-adapter.ts';
import { CaptureGapWatch } from './capture-gap-watch.ts';
import { CaptureHeartbeat } from './capture-heartbeat.ts';
import { CaptureLook } from './capture-look.ts';
import { ClockCheck } from './clock-check.ts';
import { closeInOrder } from './close-in-order.ts';
import { startGrpcServer } from './grpc/grpc-server.ts';
import { peerClient } from './grpc/peer-client.ts';
import { peerService } from './grpc/peer-service.ts';
import { queryService } from './grpc/query-service.ts';
import { availabilityGuard } from './guard/availability-guard.ts';
import { guardFronts } from './guard/guard-fronts.ts';
import { startHttpServer } from './http-server.ts';
import { createMetricsRegistry } from './metrics-registry.ts';
import type { PeerHandler } from './peers/peer-calls.ts';
import { reportTasks, tasksRequest } from './peers/task-reports.ts';
import { projectorService } from './projector-service.ts';
import { rollService, type RollService, type ServiceOptions } from './roll-service.ts';
import type { StreamsService } from './streams-service.ts';
import { guardDrift } from '../topology/guard/reservations/guard-drift.ts';
import { ReconciliationService } from '../reconciliation/reconciliation-service.ts';
import { systemRandom } from '../kernel/random.ts';
import { healthRoutes } from './routes/health.ts';
import { ledgerRoutes } from './routes/ledgers.ts';
import { partitionRoutes } from './routes/partitions.ts';
import { reconciliationRoutes } from './routes/reconciliation.ts';

export interface ApplicationOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests of crashes; none unless given. */
  readonly failpoints?: Failpoints;
}

export interface Application {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Resolves when the services have stopped; rejects with what stopped them. */
  done(): Promise<void>;
  /** Commits, leaves the group, stops listening. Concurrent calls share one. */
  close(): Promise<void>;
}

/** Only what is said of the property itself is looked at. */
const anyDate = '2000-01-01';

/** The windows open at once (not ready); Kafka and the registry may come later. */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const { settings, clock, logger, failpoints } = options;
  const metrics = createMetricsRegistry();
  const registry = createRegistryClient({ url: settings.SCHEMA_REGISTRY_URL, clock });
  const { KAFKA_BROKERS: brokers, PLATFORM_TOPIC_PREFIX: topicPrefix } = settings;
  const port = createKafkajsPort({ brokers, clientId: 'rollguard', clock, logger });
  const heartbeat = new CaptureHeartbeat({ port, clock, logger, topicPrefix });
  const observed = { settings, port, clock, logger, metrics };
  const clockCheck = clockCheckOf(observed);
  const parts = { ...observed, registry, heartbeat, clockCheck, failpoints };
  const runs = (name: string): boolean => settings.ROLLGUARD_SERVICES.includes(name);
  const peers = peerClient();
  const roll = runs('roll') ? rollService(parts, peers) : undefined;
  const capture = captureWatchesOf(parts);
  const isGapOpen = (): boolean => capture.some((watch) => watch.mayMissChanges());
  const guard = runs('guard') ? availabilityGuard(parts, peers, isGapOpen) : undefined;
  const tables = projectorService(parts);
  const reconciliation = reconciliationOf(roll, parts);
  const fronts = guard && guardFronts({ ...options, metrics }, guard.calls);
  const services = [roll?.service, guard?.service].filter((service) => service !== undefined);
  const http = await startHttpServer({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    routes: [
      ...(fronts === undefined ? [] : [fronts.routes]),
      ...(roll === undefined ? [] : [ledgerRoutes(roll.queries)]),
      reconciliationRoutes((tenantId) => reconciliation.lastReport(tenantId)),
      partitionRoutes(() => reportTasks(services, { peers, clock })),
      healthRoutes([...services, ...capture], metrics),
    ],
    ...{ clock, logger },
  });
  const grpc = await startGrpcServer({
    host: settings.GRPC_HOST,
    port: settings.GRPC_PORT,
    query: roll && {
      implementation: queryService({ queries: roll.queries, clock, logger }),
      sources: [roll.service],
    },
    guard: guard && fronts && { implementation: fronts.service, sources: [guard.service] },
    peer: peerService({ handlers: peerHandlers([roll, guard]), logger }),
    clock,
  }).catch(async (error: unknown) => {
    await http.close();
    await port.close();
    throw error;
  });
  const address = advertisedAddress(settings, grpc.port);
  for (const service of services) service.start(address);
  const background = [
    ...[clockCheck, heartbeat, roll?.watch, tables, backfillOf(roll, parts), reconciliation],
    ...capture,
  ].filter((part) => part !== undefined);
  for (const part of background) part.start();
  let closing: Promise<void> | undefined;
  const closable = { background, services, windows: [http, grpc], peers, port, clock };
  return {
    httpPort: http.port,
    grpcPort: grpc.port,
    // One that ends ends the instance: the other's state is no use without it being told.
    done: () => Promise.race(services.map((service) => service.done())),
    close: () => (closing ??= closeInOrder(closable)),
  };
}

function clockCheckOf(
  options: Pick<ServiceOptions, 'settings' | 'port' | 'clock' | 'logger' | 'metrics'>,
): ClockCheck | undefined {
  const { CLOCK_OFFSET_MAX_MS: offsetMaxMs, PLATFORM_TOPIC_PREFIX: topicPrefix } = options.settings;
  return offsetMaxMs === 0 ? undefined : new ClockCheck({ ...options, topicPrefix, offsetMaxMs });
}

/** One, where the platform's database is known. */
function captureWatchesOf(options: ServiceOptions): readonly CaptureGapWatch[] {
  const { PLATFORM_DATABASE_URL, PLATFORM_TOPIC_PREFIX: topicPrefix } = options.settings;
  if (PLATFORM_DATABASE_URL === '') return [];
  return [new CaptureGapWatch({ ...options, topicPrefix, look: new CaptureLook(options) })];
}

function backfillOf(
  roll: RollService | undefined,
  options: ServiceOptions,
): BackfillService | undefined {
  return roll && new BackfillService({ ...options, applicationId: roll.service.applicationId });
}

function reconciliationOf(
  roll: RollService | undefined,
  options: ServiceOptions,
): ReconciliationService {
  return new ReconciliationService({
    ...options,
    random: systemRandom,
    hasLedger: roll !== undefined,
    serviceProperty: roll && closedDateOf(roll),
    kafka: options,
    onLockDrift: (seconds) => guardDrift(options.metrics).standing(seconds),
  });
}

/** For platforms that keep no business dates. */
function closedDateOf(roll: RollService) {
  return async (tenantId: string, propertyId: string) => {
    const found = await roll.queries.property({ tenantId, propertyId, from: anyDate, to: anyDate });
    return { lastClosedDate: found.lastClosedDate };
  };
}

interface Answering {
  readonly service: StreamsService;
  readonly answerPeer: PeerHandler;
}

/** By application id. */
function peerHandlers(
  services: readonly (Answering | undefined)[],
): ReadonlyMap<string, PeerHandler> {
  const running = services.filter((service) => service !== undefined);
  return new Map(
    running.map(({ service, answerPeer }) => [
      service.applicationId,
      (call, options) =>
        call.subTopology === tasksRequest.subTopology
          ? Promise.resolve(service.taskReports())
          : answerPeer(call, options),
    ]),
  );
}

/** Addresses that mean any of this machine's are none to others. */
const anyAddresses = new Set(['0.0.0.0', '::']);

/** Where other instances reach this one. */
function advertisedAddress(settings: Settings, grpcPort: number): string {
  const { ROLLGUARD_ADVERTISED_ADDRESS: given, GRPC_HOST } = settings;
  if (given !== '') return given;
  const host = anyAddresses.has(GRPC_HOST) ? hostname() : GRPC_HOST;
  return host.includes(':') ? `[${host}]:${grpcPort}` : `${host}:${grpcPort}`;
}
