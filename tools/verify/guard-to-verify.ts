/** The guard's topology for a verification: only its names and stores are used, nothing is run. */
import { noMetrics } from '../../kernel/metrics.ts';
import { defaultGuardOptions } from '../../topology/guard/guard-options.ts';
import { guardTopology } from '../../topology/guard/guard-topology.ts';
import type { VerifyOptions } from './verify-state.ts';

export interface GuardToVerifyOptions {
  readonly applicationId?: string;
  readonly eventsTopic?: string;
  readonly topicPrefix?: string;
  readonly partitionCount?: number;
}

// The engine's default; an older store would be set aside by a start, and is here.
export const tombstoneRetentionMs = 24 * 3_600_000;

/** Defaults are those of the application's settings. */
export function guardToVerify({
  applicationId = 'availability-guard-shadow',
  eventsTopic = 'inventory.events.shadow',
  topicPrefix = 'platform',
  partitionCount = 4,
}: GuardToVerifyOptions): Pick<
  VerifyOptions,
  'topology' | 'applicationId' | 'eventsTopic' | 'tombstoneRetentionMs'
> {
  const neverRun = (): never => {
    throw new Error('a verification runs no guard');
  };
  const topology = guardTopology({
    ...{ topicPrefix, eventsTopic, partitionCount, sourcePartitionCount: 1 },
    ...{ decode: neverRun, encodeEvent: neverRun },
    ...{ options: defaultGuardOptions, metrics: noMetrics, followsReservations: true },
  });
  return { topology, applicationId, eventsTopic, tombstoneRetentionMs };
}
