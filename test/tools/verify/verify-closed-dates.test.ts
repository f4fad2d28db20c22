/** `state verify` of a Roll Service whose dates the clock closes: its closed dates are input. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../kernel/logger.ts';
import type { BusinessDates } from '../../../topology/roll/roll-topology.ts';
import { verifyState, type StateReport } from '../../../tools/verify/verify-state.ts';
import { RollingHotel, rollEventsTopic, rollTestTopology } from '../../support/rolling-hotel.ts';
import { micros, reservationColumns } from '../../topology/roll/roll-fixtures.ts';

const recordedTopics = ['test-closed-dates'];
let stateDir: string;
let hotel: RollingHotel;

beforeEach(() => {
  stateDir = mkdtempSync(path.join(tmpdir(), 'rollguard-verify-'));
});

afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

async function threeNights(businessDates: BusinessDates): Promise<void> {
  hotel = new RollingHotel({ businessDates });
  await hotel.start();
  hotel.captureProperty('Europe/Helsinki');
  const actual_check_in = micros('2026-05-10T12:00:00Z');
  hotel.capture('reservations', reservationColumns({ status: 'CHECKED_IN', actual_check_in }));
  await hotel.settle();
  for (const day of [11, 12, 13]) await hotel.at(`2026-05-${day}T12:00:00Z`);
}

async function verify(
  businessDates: BusinessDates,
  topics: readonly string[] = recordedTopics,
): Promise<StateReport> {
  const over = new AbortController();
  const report = verifyState({
    ...{ topology: rollTestTopology(businessDates), applicationId: 'test' },
    ...{ eventsTopic: rollEventsTopic, recordedTopics: topics, stateDir },
    ...{ port: hotel.kafka.client('verify'), tombstoneRetentionMs: 3_600_000 },
    ...{ clock: hotel.clock, logger: silentLogger, progress: () => undefined },
    signal: new AbortController().signal,
  }).finally(() => over.abort());
  while (!over.signal.aborted) await hotel.settle(500);
  return report;
}

describe('state verify, of dates that the clock closed', () => {
  test('computes the same ledgers and days once more from what was written down', async () => {
    await threeNights('clock');
    expect(await hotel.said()).toEqual(['EOD 2026-05-10', 'EOD 2026-05-11', 'EOD 2026-05-12']);
    await hotel.close();

    const { isEqual, tasks, events } = await verify('recorded');
    expect(tasks.flatMap(({ differing }) => differing)).toEqual([]);
    expect(events).toMatchObject({ events: 3, differing: [] });
    expect(isEqual).toBe(true);
  });

  test('finds the nights missing when the closed dates are not read as input', async () => {
    await threeNights('clock');
    await hotel.close();

    const { isEqual, events } = await verify('recorded', []);
    expect(isEqual).toBe(false);
    expect(events.differing).toHaveLength(3);
  });

  test('takes a date that a person closed beside captured ones', async () => {
    await threeNights('captured');
    hotel.captureClosed('2026-05-10');
    await hotel.settle();
    hotel.closeByHand('2026-05-12');
    await hotel.settle();
    expect(await hotel.said()).toEqual(['EOD 2026-05-10', 'EOD 2026-05-11', 'EOD 2026-05-12']);
    await hotel.close();

    expect(await verify('captured')).toMatchObject({ isEqual: true });
  });
});
