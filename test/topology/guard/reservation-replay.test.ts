/** Facts about a reservation that are read again, by a processor that has known them and by one in a replay. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../../kernel/metrics.ts';
import type {
  AppliedCommandFact,
  ReservationRowFact,
} from '../../../topology/guard/reservations/reservation-fact.ts';
import { ReservationMeter } from '../../../topology/guard/reservations/reservation-meter.ts';
import { ReservationProcessor } from '../../../topology/guard/reservations/reservation-processor.ts';
import type { ReservationInput } from '../../../topology/guard/reservations/reservation-record.ts';
import { ProcessorBench } from '../../support/processor-bench.ts';
import { dayMs, propertyId, standard, startMs, tenantId } from './guard-fixtures.ts';

const reservationId = 'R1';
const row: ReservationRowFact = {
  ...{ kind: 'row', tenantId, reservationId, propertyId, roomTypeId: standard },
  ...{ version: '00000001', standing: 'live', status: 'CONFIRMED', roomNumber: undefined },
  ...{ arrivalDate: '2026-06-01', departureDate: '2026-06-03', writtenAtMs: startMs },
};
type Bench = ProcessorBench<ReservationInput>;
let bench: Bench;

function processor(isReplay: boolean, before?: Bench): Promise<Bench> {
  const made = new ReservationProcessor(new ReservationMeter(noMetrics), isReplay);
  return ProcessorBench.with<ReservationInput>(made, before);
}

/** @param atMs when the record was written; the processor reads it now. */
async function read(on: Bench, value: ReservationInput, atMs: number): Promise<void> {
  await on.processor.process({ key: reservationId, value, timestampMs: atMs });
}

beforeEach(async () => {
  bench = await processor(false);
  bench.nowMs = startMs;
});

describe('a fact that is read again', () => {
  test('changes no byte and orders nothing, older versions of its row neither', async () => {
    const changed = { ...row, version: '00000002', departureDate: '2026-06-04' };
    await read(bench, row, startMs);
    await read(bench, changed, startMs + 1);
    const content = bench.content();
    const ordered = bench.forwarded.length;
    const again = await processor(true, bench);
    again.nowMs = startMs + dayMs;

    await read(again, row, startMs);
    await read(again, changed, startMs + 1);

    expect(ordered).toBe(2);
    expect(again.content()).toEqual(content);
    expect(again.forwarded).toEqual([]);
  });

  test('of a command that newer ones have taken the place of changes none either', async () => {
    const commands = Array.from({ length: 60 }, (_, at): AppliedCommandFact => ({
      ...{ kind: 'command', tenantId, reservationId, eventId: `e${at}`, effect: 'stay' },
      ...{
        commandName: 'reservation.modify',
        createdAtMs: startMs + at,
        appliedAtMs: startMs + at,
      },
    }));
    for (const command of commands) await read(bench, command, startMs);
    const content = bench.content();
    bench.nowMs += 1_000;

    for (const command of commands) await read(bench, command, startMs);

    expect(bench.content()).toEqual(content);
  });
});

describe('a fact about a reservation that nobody remembers', () => {
  test('was forgotten if it is old, and in a replay stays so', async () => {
    const replayed = await processor(true);
    replayed.nowMs = startMs + 61 * dayMs;

    await read(replayed, row, startMs);

    expect(replayed.content()).toEqual({ reservations: {} });
    expect(replayed.forwarded).toEqual([]);
  });

  test('is news if it is young, and to a service that stood still if it is old', async () => {
    const replayed = await processor(true);
    replayed.nowMs = startMs + 59 * dayMs;
    bench.nowMs = startMs + 61 * dayMs;

    await read(replayed, row, startMs);
    await read(bench, row, startMs);

    const orders = [replayed, bench].map(({ forwarded }) => forwarded.map(({ value }) => value));
    expect(orders).toMatchObject([[{ kind: 'platform-stay' }], [{ kind: 'platform-stay' }]]);
  });
});
