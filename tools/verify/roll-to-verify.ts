/**
 * The Roll Service's topology for a recomputation: it decodes as the service does and writes nowhere.
 * No clock closes a date in it: what the clock closed is written down, and read as the service read it.
 */
import type { Clock } from '../../kernel/clock.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import { DebeziumDecoder } from '../../schemas/debezium-envelope.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { capturedColumns } from '../../topology/roll/captured-rows.ts';
import { rollEventOf } from '../../topology/roll/roll-event-codec.ts';
import { closedDatesTopic } from '../../topology/roll/roll-names.ts';
import { rollTopology } from '../../topology/roll/roll-topology.ts';
import type { VerifyOptions } from './verify-state.ts';

export interface RollToVerifyOptions {
  readonly registryUrl: string;
  readonly clock: Clock;
  readonly applicationId?: string;
  readonly eventsTopic?: string;
  readonly topicPrefix?: string;
  readonly partitionCount?: number;
  /** False: the platform has no `business_dates`, and there is no topic of it. */
  readonly hasCapturedDates?: boolean;
}

// The engine's default; an older store would be set aside by a start, and is here.
const tombstoneRetentionMs = 24 * 3_600_000;

/** Defaults are those of the application's settings. */
export function rollToVerify(
  options: RollToVerifyOptions,
): Pick<
  VerifyOptions,
  'topology' | 'applicationId' | 'eventsTopic' | 'recordedTopics' | 'tombstoneRetentionMs'
> {
  const { registryUrl, clock, eventsTopic = 'roll.events.shadow' } = options;
  const { hasCapturedDates = true } = options;
  const registry = createRegistryClient({ url: registryUrl, clock });
  const decoder = new DebeziumDecoder({ registry, columns: capturedColumns });
  // Nobody looks the schema up: the events are read back with the contract itself.
  const write = avroWriter(contractSchema('roll.events'), 0);
  const topology = rollTopology({
    topicPrefix: options.topicPrefix ?? 'platform',
    eventsTopic,
    partitionCount: options.partitionCount ?? 4,
    decode: (table, value) => decoder.decode(table, value),
    encodeEvent: (change) => write(rollEventOf(change)),
    metrics: noMetrics,
    // Read as far as the service did, which is not at all while the clock closes its dates.
    businessDates: hasCapturedDates ? 'captured' : 'recorded',
  });
  const { applicationId = 'roll-service-shadow' } = options;
  const recordedTopics = [closedDatesTopic(applicationId)];
  return { topology, applicationId, eventsTopic, recordedTopics, tombstoneRetentionMs };
}
