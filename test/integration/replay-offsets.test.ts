/** `replay offsets` on the whole line: the ledgers of before, the tables untouched. */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { checkNoReplay, readReplayMark } from '../../streams/replay-mark.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { ApplicationProcess } from '../../tools/start/application-process.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { replayedRoll, until, type ReplayedRoll } from './replayed-roll.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
let system: System;
let port: KafkaPort;
let roll: ReplayedRoll;
/** When half of the chain's life was written. */
let middle = '';

beforeAll(async () => {
  system = await startSystem({ ...systemOptions, isBare: true });
  port = portOn(system.stack, 'replay-offsets-test');
  roll = await replayedRoll(system.stack, port, 'replay-offsets');
  const workload = chainWorkload({ seed: systemClock.nowMs() % 1_000_000, days: 6 });
  const beganMs = systemClock.nowMs();
  await workload.feed({
    ...{ databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl, clock: systemClock },
    ...{ signal: systemOptions.signal, progress: () => undefined },
  });
  middle = new Date((beganMs + systemClock.nowMs()) / 2).toISOString();
  await roll.liveUntilRight(workload);
}, timeoutMs);

afterAll(async () => {
  await roll.close();
  await port.close();
  await system.stop();
}, timeoutMs);

describe('replay offsets', () => {
  test(
    'from the beginning ends in the hashes of before; events, ticks and tables stay as they were',
    async () => {
      const [ends, rows] = [await roll.keptEnds(), await roll.table()];
      const dry = await roll.replay('--to-earliest').ended;
      const { exitCode, report, err } = await roll.replay('--to-earliest', '--execute').ended;

      expect({ exitCode, err: exitCode === 0 ? '' : err }).toEqual({ exitCode: 0, err: '' });
      expect(dry.report?.plan).toMatchObject({ isFull: true, again: report?.plan.again });
      expect(report?.after).toEqual(report?.before);
      expect(report?.emitted).toBe(0);
      expect(await roll.keptEnds()).toEqual(ends);
      expect(rows.length).toBeGreaterThan(100);
      expect(await roll.table()).toEqual(rows);
    },
    timeoutMs,
  );

  test(
    'from a time in the middle reads the rest again, and ends the same',
    async () => {
      const [ends, rows] = [await roll.keptEnds(), await roll.table()];
      const args = ['--to-datetime', middle, '--execute'];
      const { exitCode, report } = await roll.replay(...args).ended;

      expect(exitCode).toBe(0);
      expect(report?.plan).toMatchObject({ isFull: false, skipped: 0 });
      expect(report?.plan.again).toBeGreaterThan(20);
      expect(report?.after).toEqual(report?.before);
      expect(await roll.keptEnds()).toEqual(ends);
      expect(await roll.table()).toEqual(rows);
    },
    timeoutMs,
  );

  test(
    'killed on its way keeps every service from starting, until the same command has come to its end',
    async () => {
      const ends = await roll.keptEnds();
      const { applicationId } = roll;
      const first = roll.replay('--to-earliest', '--execute');
      await until(async () => {
        const mark = await readReplayMark(port, applicationId);
        return mark?.isReset === true && mark.completed === undefined;
      });
      first.process.kill('SIGKILL');
      await first.ended;
      const logFile = path.join(system.logsFolder, `${applicationId}.log`);
      const service = new ApplicationProcess({
        settings: {
          ...roll.settings,
          ...{ ROLLGUARD_SERVICES: 'roll', HTTP_PORT: '0', GRPC_PORT: '0' },
        },
        ...{ logFile, clock: systemClock },
      });

      try {
        expect(await service.ended).toBe(1);
      } finally {
        await service.kill();
      }
      expect(readFileSync(logFile, 'utf8')).toMatch(
        /is not complete.*rollguard replay offsets --application roll-service --to-earliest --execute/,
      );
      await expect(checkNoReplay(port, applicationId)).rejects.toThrow(/is not complete/);
      const { exitCode, report, err } = await roll.replay('--to-earliest', '--execute').ended;
      expect(err).toMatch(/going on with the one that was begun/);
      expect(exitCode).toBe(0);
      expect(report?.after).toEqual(report?.before);
      expect(await roll.keptEnds()).toEqual(ends);
      await checkNoReplay(port, applicationId);
    },
    timeoutMs,
  );
});
