/**
 * The guard among the platform's streams on the real stack: bookings come in by RPC, by command and by
 * nobody's asking, Debezium tells what became of them, and the application is killed in between.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateChain } from '../../examples/reservation-platform/generator.ts';
import type { CommandAction } from '../../examples/reservation-platform/model.ts';
import { systemClock } from '../../kernel/clock.ts';
import { readDeadLetters } from '../../streams/dead-letter-reader.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { readDecisionLine, type LoggedDecision } from '../../topology/guard/decision-log.ts';
import { verifyGuardOf } from '../../tools/faults/verify-system.ts';
import { compareHolds, type HoldComparison } from '../../tools/start/hold-comparison.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { inParallel } from './in-parallel.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const settledWithinMs = 60_000;
const chain = { seed: Math.floor(systemClock.nowMs() / 1_000), days: 8 };
const serviceId = 'availability-guard-service';
const poison = ['{ "metadata":', '{}}', JSON.stringify({ metadata: about('poison'), payload: {} })];

describe('the guard among the streams of the platform', () => {
  let system: System;
  let port: KafkaPort;
  const { setup, actions } = generateChain(chain);
  const propertyIds = setup.properties.map(({ id }) => id);
  const bookings = [...actions]
    .filter((action): action is CommandAction => action.kind === 'command')
    .filter(({ commandName }) => commandName === 'reservation.create')
    // Day use is asked for by times, not by dates.
    .filter(({ reservation }) => reservation.check_in_date < reservation.check_out_date);

  beforeAll(async () => {
    // The chain's stays are over; the guard is to remember them.
    const settings = { ...systemOptions.settings, LOCK_IDEMPOTENCY_RETENTION_DAYS: '36500' };
    system = await startSystem({ ...systemOptions, settings });
    await system.application.ready(systemOptions.signal);
    port = portOn(system.stack, 'guard-streams-test');
  }, timeoutMs);

  afterAll(async () => {
    await port.close();
    await system.stop();
  }, timeoutMs);

  test(
    'asked by RPC and by commands, told by Debezium, killed twice: what was sold is held, and nothing else',
    async () => {
      const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
      const { signal } = systemOptions;
      const run = { databaseUrl, clock: systemClock, progress: () => undefined, signal };
      const commands = await sendCommands();
      const fed = chainWorkload(chain).feed(run);
      const asked = lockByRpc(bookings.filter((_booking, at) => at % 3 === 0));
      for (let kill = 0; kill < 2; kill += 1) {
        await systemClock.sleep(3_000);
        await system.application.kill();
        system.startApplication();
        await system.application.ready(signal);
      }
      const [locked] = await Promise.all([asked, fed]);
      const { live, differences } = await untilSettled(databaseUrl);

      expect(differences).toEqual([]);
      expect(live).toBeGreaterThan(20);
      expect(locked).toBeGreaterThan(20);
      expect(commands).toBeGreaterThan(20);
    },
    timeoutMs,
  );

  test(
    'a command that was sent twice had one effect, and poison is among the dead letters as it came',
    async () => {
      const effects = new Map<string, number>();
      const decisions = await wholeTopics(port, ['availability-guard-shadow-decisions']);
      await readRanges(port, decisions, ({ value }) => {
        const commandId = value === null ? undefined : effectOf(readDecisionLine(value));
        if (commandId !== undefined) effects.set(commandId, (effects.get(commandId) ?? 0) + 1);
        return true;
      });
      const letters: string[] = [];
      await readDeadLetters(port, 'inventory.events.dlq', ({ value, from }) => {
        if (from.topic === 'commands.primary') letters.push(String(value));
        return true;
      });

      expect([...effects.values()].filter((count) => count !== 1)).toEqual([]);
      expect(effects.size).toBeGreaterThan(20);
      expect(letters.sort()).toEqual([...poison].sort());
    },
    timeoutMs,
  );

  test(
    'store, changelog, decisions, events and the audit of every change tell one story',
    async () => {
      await system.application.stop();
      const { tasks, events, isEqual } = await verifyGuardOf(system, systemOptions);

      expect([...tasks, ...events].flatMap(({ differing }) => differing)).toEqual([]);
      expect(isEqual).toBe(true);
    },
    timeoutMs,
  );

  /** Locks every third booking by a command, each sent twice, and what cannot be read between them. */
  async function sendCommands(): Promise<number> {
    const wanted = bookings.filter((_booking, at) => at % 3 === 1).slice(0, 100);
    const texts = wanted.map(({ eventId, reservation }) =>
      JSON.stringify({
        metadata: { ...about(eventId), tenantId: reservation.tenant_id },
        payload: lockOf(reservation),
      }),
    );
    const records = [...texts, ...poison, ...texts].map((text, at) => ({
      ...{ key: Buffer.from(`request ${at}`), value: Buffer.from(text) },
      timestampMs: systemClock.nowMs(),
    }));
    const producer = await port.openPlainProducer();
    await producer.produce([{ topic: 'commands.primary', partition: 1, records }]);
    await producer.close();
    return wanted.length;
  }

  /** How many were answered LOCKED; while the application is away they are asked for again. */
  async function lockByRpc(wanted: readonly CommandAction[]): Promise<number> {
    const answers = await inParallel(wanted, 8, async ({ reservation }) => {
      for (let attempt = 0; attempt < 30; attempt += 1) {
        const answer = await lockOnce(reservation).catch(() => undefined);
        if (answer !== undefined && answer < 500) return answer;
        await systemClock.sleep(500);
      }
      return undefined;
    });
    return answers.filter((status) => status === 200).length;
  }

  async function lockOnce(reservation: CommandAction['reservation']): Promise<number> {
    const answer = await fetch(`${system.application.url}/v1/locks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant-id': reservation.tenant_id },
      body: JSON.stringify(lockOf(reservation)),
      signal: AbortSignal.timeout(5_000),
    });
    await answer.text();
    return answer.status;
  }

  async function untilSettled(databaseUrl: string): Promise<HoldComparison> {
    const deadlineMs = systemClock.monotonicMs() + settledWithinMs;
    for (;;) {
      const found = await compareHolds({
        ...{ url: system.application.url, databaseUrl, propertyIds },
      });
      if (found.differences.length === 0 || systemClock.monotonicMs() > deadlineMs) return found;
      await systemClock.sleep(500);
    }
  }
});

function about(commandId: string): object {
  return {
    ...{ commandId, commandName: 'inventory.lock.room', targetService: serviceId },
    tenantId: '00000000-0000-4000-8000-000000000001',
  };
}

/** As the platform's clients ask: before they write anything. What dies at once must not stay for long. */
function lockOf(reservation: CommandAction['reservation']): object {
  return {
    ...{ reservationId: reservation.id, roomTypeId: reservation.room_type_id },
    ...{ stayStart: reservation.check_in_date, stayEnd: reservation.check_out_date },
    ...{ reason: 'RESERVATION_CREATE', ttlSeconds: 45 },
  };
}

/** The command that changed something by this decision. */
function effectOf({ command, changes }: LoggedDecision): string | undefined {
  return command.kind === 'command' && changes.length > 0 ? command.commandId : undefined;
}
