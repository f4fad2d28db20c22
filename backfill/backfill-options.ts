/** What a backfill works with: two databases, Kafka, and its limits. */
import type { Database } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { BackfillMetrics } from './backfill-metrics.ts';
import type { KnownVersions } from './known-versions.ts';
import type { BackfillPublisher } from './publisher.ts';

export interface BackfillLimits {
  /** Lifecycle rows a batch. */
  readonly batchRows: number;
  /** 0: as fast as it goes. */
  readonly rowsPerSecond: number;
  /** Longer than any transaction of the platform stays open, and than a command takes. */
  readonly lateWindowSeconds: number;
}

export interface BackfillParts {
  /** The platform's; only read. */
  readonly platform: Database;
  readonly publisher: BackfillPublisher;
  /** What went through this publisher; to be cleared when a batch fails. */
  readonly known: KnownVersions;
  /** Of the capture that is read beside; undefined: the first. */
  readonly epoch?: number;
  readonly limits: BackfillLimits;
  readonly metrics: BackfillMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}
