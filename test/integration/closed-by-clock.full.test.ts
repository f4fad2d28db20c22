/** A Roll Service on the real stack whose business dates the clock closes, and a person. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TotalsBody } from '../../api/ledger-answers.ts';
import { systemClock } from '../../kernel/clock.ts';
import { localDate } from '../../topology/calendar/property-time.ts';
import { lastNightBefore } from '../../topology/roll/night-clock.ts';
import { runCli } from '../../tools/cli.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { systemOptions } from './test-system.ts';

const startTimeoutMs = 240_000;
const waitMs = 60_000;
const { clock, progress, signal } = systemOptions;
// Events without a suffix: the other tests' application writes those of shadow mode.
const settings = {
  ...{ ROLLGUARD_SERVICES: 'roll', SHADOW_MODE: 'false', KAFKA_CONSUMER_GROUP_SUFFIX: '-by-clock' },
  ROLL_SERVICE_BUSINESS_DATES: 'clock',
};
const applicationId = 'roll-service-by-clock';

describe('business dates by the clock, on the real stack', () => {
  let system: System;
  let workload: Workload;

  beforeAll(async () => {
    system = await startSystem({ ...systemOptions, isBare: true });
    workload = chainWorkload({ seed: Math.floor(Date.now() / 1_000) + 7, days: 2 });
    const databaseUrl = system.stack.endpoints.platformAdminDatabaseUrl;
    await workload.feed({ databaseUrl, clock: systemClock, progress, signal });
    system.startApplication(settings);
    await system.application.ready(signal);
  }, startTimeoutMs);

  afterAll(() => system.stop(), startTimeoutMs);

  async function askDays(): Promise<TotalsBody> {
    const { tenantId, propertyId } = workload.expectations[0]!;
    const { from, to } = workload;
    const query = new URLSearchParams({ propertyId, from, to }).toString();
    const response = await fetch(`${system.application.url}/v1/ledgers?${query}`, {
      headers: { 'x-tenant-id': tenantId },
    });
    return (await response.json()) as TotalsBody;
  }

  test(
    'close the last night that is over, whatever the platform says of its dates',
    async () => {
      let days = await askDays();
      const untilMs = Date.now() + waitMs;
      while (days.lastClosedDate === null && Date.now() < untilMs) {
        await systemClock.sleep(250);
        days = await askDays();
      }

      expect(days.lastClosedDate).toBe(lastNightBefore(days.timeZone ?? '', Date.now()));
    },
    waitMs * 2,
  );

  test(
    'close by hand with `rollguard ledger roll`, and the metrics say how far reading is',
    async () => {
      const { timeZone } = await askDays();
      const date = localDate(timeZone ?? '', Date.now());
      const { tenantId, propertyId } = workload.expectations[0]!;
      let out = '';
      const cli = {
        ...{ version: '0.0.0', clock, progress, exitCode: 0, err: () => undefined },
        env: {
          ...{ ROLLGUARD_URL: system.application.url, ROLLGUARD_TENANT_ID: tenantId },
          KAFKA_BROKERS: system.stack.endpoints.kafkaBrokers,
          SCHEMA_REGISTRY_URL: system.stack.endpoints.schemaRegistryUrl,
        },
        out: (text: string) => void (out += text),
      };
      const roll = ['ledger', 'roll', '--property', propertyId, '--date', date];
      const exitCode = await runCli([...roll, '--application', applicationId, '--json'], cli);
      const metrics = await (await fetch(`${system.application.url}/metrics`)).text();

      expect(exitCode).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ status: 'closed', lastClosedDate: date });
      expect(metrics).toMatch(
        /roll_service_consumer_offset\{topic="platform.public.reservations",partition="0"\} \d/,
      );
      expect(metrics).toMatch(/roll_service_consumer_timestamp_drift_seconds\{[^}]*\} \d/);
      expect(metrics).toMatch(/roll_service_processing_lag_seconds\{[^}]*\} \d/);
      expect(metrics).toMatch(/roll_service_consumer_event_timestamp\{[^}]*\} 1\d{9}/);
      expect(metrics).toMatch(/roll_service_batch_duration_seconds_count [1-9]/);
    },
    waitMs * 2,
  );
});
