/**
 * `rollguard backfill run --re-emit`: every ledger is asked to tell its entries once more, and the events
 * are counted as they come. They come from the task that owns the ledger, behind whatever it has told, with
 * the replay's id in a header: readers see a load like the real one, and no change.
 */
import { openPlatform } from '../../backfill/backfill-service.ts';
import { openPublisher, type BackfillPublisher } from '../../backfill/publisher.ts';
import { RateLimit } from '../../backfill/rate-limit.ts';
import { countReservations, readReservationIds } from '../../backfill/reservation-ids.ts';
import { tenantsOf } from '../../backfill/tenants.ts';
import type { Database } from '../../database/connection.ts';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Settings } from '../../kernel/settings.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { wholeTopics, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import { reservationKey, type EmitAgain } from '../../topology/roll/roll-messages.ts';
import {
  backfillTopic,
  rollApplicationId,
  rollEventsTopic,
} from '../../topology/roll/roll-names.ts';
import { pacedProgress } from '../paced-progress.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import { ReplayCount } from './replay-count.ts';

export interface EmitAgainOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly replayId: string;
  /** Undefined: all. */
  readonly tenantIds: readonly string[] | undefined;
  /** By default that of the settings. */
  readonly eventsTopic?: string;
  readonly isDryRun: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface EmitAgainReport {
  readonly applicationId: string;
  readonly replayId: string;
  readonly dryRun: boolean;
  /** Ledgers that were asked, or would be. */
  readonly reservations: number;
  /** What came back. */
  readonly events: number;
  /** From the first request until the last event was read. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** Nothing comes any more after so long without an event or a step of the ledgers. */
const quietMsMax = 60_000;
const pollMs = 200;

/**
 * @throws NOT_READY when the ledgers do not answer; INTERRUPTED when the signal came; what the platform's
 * database and Kafka throw.
 */
export async function emitAgain(options: EmitAgainOptions): Promise<EmitAgainReport> {
  const { settings, port, replayId, isDryRun, clock } = options;
  const applicationId = rollApplicationId(settings);
  const platform = await openPlatform(settings.PLATFORM_DATABASE_URL);
  try {
    const tenantIds = options.tenantIds ?? (await tenantsOf(platform));
    const report = { applicationId, replayId, dryRun: isDryRun, events: 0, seconds: 0 };
    const total = await countAll(platform, tenantIds);
    if (isDryRun) return { ...report, reservations: total, eventsPerSecond: 0 };
    const publisher = await openPublisher({ port, applicationId, clock });
    try {
      const parts = { ...options, platform, publisher, tenantIds, total, applicationId };
      const { reservations, events, spentMs } = await askAndCount(parts);
      const seconds = Math.round(spentMs / 100) / 10;
      const eventsPerSecond = Math.round((events * 1_000) / Math.max(spentMs, 1));
      return { ...report, reservations, events, seconds, eventsPerSecond };
    } finally {
      await publisher.close();
    }
  } finally {
    await platform.close();
  }
}

interface AskParts extends EmitAgainOptions {
  readonly platform: Database;
  readonly publisher: BackfillPublisher;
  readonly tenantIds: readonly string[];
  readonly total: number;
  readonly applicationId: string;
}

async function askAndCount(
  parts: AskParts,
): Promise<{ reservations: number; events: number; spentMs: number }> {
  const { settings, port, replayId, clock, applicationId } = parts;
  const { eventsTopic = rollEventsTopic(settings) } = parts;
  const count = await ReplayCount.open(port, { topic: eventsTopic, replayId, clock });
  const beganMs = clock.monotonicMs();
  const failed = new AbortController();
  const signal = AbortSignal.any([parts.signal, failed.signal]);
  const counting = count.run().catch((error: unknown) => {
    failed.abort();
    throw error;
  });
  const drive = async (): Promise<number> => {
    try {
      const asked = await askAll({ ...parts, signal });
      await untilWorkedOff(
        { ...parts, signal },
        await wholeTopics(port, [backfillTopic(applicationId)]),
        count,
      );
      await count.untilAt(await wholeTopics(port, [eventsTopic]));
      return asked;
    } finally {
      count.stop();
    }
  };
  const [reservations] = await Promise.all([drive(), counting]);
  const endedMs = Math.max(beganMs, count.lastEventMs);
  return { reservations, events: count.events, spentMs: endedMs - beganMs };
}

async function countAll(platform: Database, tenantIds: readonly string[]): Promise<number> {
  let total = 0;
  for (const tenantId of tenantIds) total += await countReservations(platform, tenantId);
  return total;
}

/** @returns the number of ledgers that were asked. */
async function askAll(parts: AskParts): Promise<number> {
  const { settings, replayId, clock, signal, platform, publisher, tenantIds } = parts;
  const rate = new RateLimit(settings.ROLL_SERVICE_BACKFILL_ROWS_PER_SECOND, clock);
  const limit = settings.ROLL_SERVICE_BACKFILL_BATCH_SIZE;
  const request: EmitAgain = { type: 'emit-again', replayId };
  const tell = pacedProgress(parts, (asked, spentMs) => {
    const perSecond = Math.round((asked * 1_000) / spentMs);
    return `re-emit: ${asked} of about ${parts.total} ledgers asked, ${perSecond}/s`;
  });
  let asked = 0;
  for (const tenantId of tenantIds) {
    for (let after: string | undefined; ;) {
      throwIfInterrupted(signal, asked);
      const ids = await readReservationIds(platform, { tenantId, after, limit });
      const byKey = new Map(ids.map((id) => [reservationKey(tenantId, id), request]));
      await publisher.publish({ byKey, refused: [] });
      tell((asked += ids.length));
      await rate.take(ids.length, signal);
      after = ids.at(-1);
      if (ids.length < limit) break;
    }
  }
  return asked;
}

/** Until the ledgers have committed what they answered. */
async function untilWorkedOff(
  { port, applicationId, clock, signal, progress }: AskParts,
  requests: readonly OffsetRange[],
  count: ReplayCount,
): Promise<void> {
  const tell = pacedProgress({ clock, progress }, (left) => {
    return `re-emit: ${count.events} events came back, ${left} requests wait`;
  });
  let before = -1;
  let movedMs = clock.monotonicMs();
  for (;;) {
    throwIfInterrupted(signal, count.events);
    const committed = await committedOffsets(port, applicationId, requests);
    const left = requests.reduce((sum, range) => sum + Math.max(0, range.to - committed(range)), 0);
    if (left === 0) return;
    tell(left);
    const nowMs = clock.monotonicMs();
    if (left !== before) movedMs = nowMs;
    before = left;
    if (nowMs - Math.max(movedMs, count.lastEventMs) > quietMsMax) {
      const message = `${left} requests wait and no ledger has answered for ${quietMsMax / 1_000} s; is ${applicationId} running? It answers them when it is`;
      throw new RollguardError('NOT_READY', message);
    }
    await clock.sleep(pollMs, signal);
  }
}

function throwIfInterrupted(signal: AbortSignal, done: number): void {
  if (!signal.aborted) return;
  const message = `interrupted at ${done}; ledgers that were asked still answer, and it harms nothing to ask all of them again`;
  throw new RollguardError('INTERRUPTED', message);
}
