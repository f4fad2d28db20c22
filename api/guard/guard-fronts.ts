/** The guard's two fronts over one set of operations: what the windows of an instance that runs it take in. */
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Metrics } from '../../kernel/metrics.ts';
import { systemRandom, type Random } from '../../kernel/random.ts';
import type { Settings } from '../../kernel/settings.ts';
import { guardService } from '../grpc/guard-service.ts';
import { auditOperations, type AdminSettings } from './audit-operations.ts';
import type { GuardCalls } from './guard-calls.ts';
import { guardMeter } from './guard-metrics.ts';
import { guardOperations } from './guard-operations.ts';
import type { RouteGroup } from '../http-server.ts';
import { auditRoutes } from '../routes/lock-audit.ts';
import { lockRoutes } from '../routes/locks.ts';

export interface GuardFrontsOptions {
  readonly settings: Pick<Settings, 'SHADOW_MODE' | 'REQUIRE_CORRELATION_ID'> & AdminSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of correlation ids. */
  readonly random?: Random;
}

export interface GuardFronts {
  readonly routes: RouteGroup;
  readonly service: ReturnType<typeof guardService>;
}

export function guardFronts(options: GuardFrontsOptions, calls: GuardCalls): GuardFronts {
  const { settings, clock, logger, metrics, random = systemRandom } = options;
  const meter = guardMeter({ metrics, clock, isShadow: settings.SHADOW_MODE });
  const operations = guardOperations(calls, meter);
  const requireCorrelationId = settings.REQUIRE_CORRELATION_ID;
  const byHand = auditOperations({ calls, meter, settings });
  const groups = [
    lockRoutes({ operations, clock, random, requireCorrelationId }),
    auditRoutes({ operations: byHand, clock, requireCorrelationId }),
  ];
  return {
    routes: (server) => groups.forEach((add) => add(server)),
    service: guardService({ operations, clock, logger, random }),
  };
}
