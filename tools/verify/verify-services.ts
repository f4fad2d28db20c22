/** `state verify` of one or both services, one after the other. */
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Settings } from '../../kernel/settings.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { guardApplicationId, inventoryEventsTopic } from '../../topology/guard/guard-names.ts';
import { rollApplicationId, rollEventsTopic } from '../../topology/roll/roll-names.ts';
import { guardToVerify } from './guard-to-verify.ts';
import { rollToVerify } from './roll-to-verify.ts';
import { verifyGuard } from './verify-guard.ts';
import type { ServiceReport } from './verify-report.ts';
import { verifyState } from './verify-state.ts';

export type ServiceName = ServiceReport['service'];

export interface VerifyServicesOptions {
  readonly services: readonly ServiceName[];
  /** Of the only service; undefined: as the settings name each. */
  readonly applicationId: string | undefined;
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export async function verifyServices({
  services,
  applicationId: given,
  settings,
  ...parts
}: VerifyServicesOptions): Promise<readonly ServiceReport[]> {
  const common = { ...parts, stateDir: settings.ROLLGUARD_STATE_DIR };
  const topicPrefix = settings.PLATFORM_TOPIC_PREFIX;
  const partitionCount = settings.ROLLGUARD_PARTITIONS;
  const reports: ServiceReport[] = [];
  for (const service of services) {
    if (service === 'guard') {
      const applicationId = given ?? guardApplicationId(settings);
      const eventsTopic = inventoryEventsTopic(settings);
      const guard = guardToVerify({ applicationId, eventsTopic, topicPrefix, partitionCount });
      reports.push({ service, applicationId, ...(await verifyGuard({ ...guard, ...common })) });
      continue;
    }
    const applicationId = given ?? rollApplicationId(settings);
    const [dates] = await parts.port.admin.describeTopics([`${topicPrefix}.public.business_dates`]);
    const roll = rollToVerify({
      ...{ registryUrl: settings.SCHEMA_REGISTRY_URL, clock: parts.clock },
      ...{ applicationId, topicPrefix, partitionCount, eventsTopic: rollEventsTopic(settings) },
      hasCapturedDates: dates !== undefined,
    });
    reports.push({ service, applicationId, ...(await verifyState({ ...roll, ...common })) });
  }
  return reports;
}
