/** One order of a row's versions, whoever read them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  backfillVersion,
  compareVersions,
  rowVersionOf,
} from '../../../topology/captured/row-version.ts';
import { histories, type Observation } from './postgres-model.ts';

function streamed(commit: string, lsn: string, txId?: number): string {
  const source = { snapshot: 'false', sequence: `["${commit}","${lsn}"]`, txId };
  return rowVersionOf('t', source).value ?? '';
}

function read(lsn: string, snapshot: string): string {
  return backfillVersion({ lsn, snapshot });
}

function newest(seen: readonly Observation[]): Observation | undefined {
  return seen.reduce<Observation | undefined>(
    (known, each) =>
      known === undefined || compareVersions(each.version, known.version) > 0 ? each : known,
    undefined,
  );
}

describe('versions of one row', () => {
  test('lead to the same one in any order, any number of times: that of the last commit seen', () => {
    const arrivals = histories.chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }),
      ),
    );

    fc.assert(
      fc.property(arrivals, ([all, other]) => {
        const last = all.reduce((place, each) => Math.max(place, each.place), -1);
        const winner = newest(other);

        expect(winner?.version).toBe(newest(all)?.version);
        if (all.length > 0) {
          expect(winner?.content).toBe(all.findLast(({ place }) => place === last)?.content);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('are in the order of what they show, each two and so all', () => {
    fc.assert(
      fc.property(histories, (all) => {
        for (const one of all) {
          for (const other of all) {
            const order = compareVersions(one.version, other.version);

            expect(Math.sign(order) + Math.sign(compareVersions(other.version, one.version))).toBe(
              0,
            );
            if (one.place < other.place) expect(order).toBeLessThan(0);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('say that a change was seen, or not yet, by the transaction and not by the LSN', () => {
    const backfill = read('0/FF', '90:100:90,95');

    expect(compareVersions(backfill, streamed('10', '20', 94))).toBeGreaterThan(0);
    expect(compareVersions(backfill, streamed('10', '20', 95))).toBeLessThan(0);
    expect(compareVersions(backfill, streamed('10', '20', 100))).toBeLessThan(0);
    expect(compareVersions(backfill, streamed('10', '20', 12))).toBeGreaterThan(0);
  });

  test('take a transaction id for the one before the read, however often ids began anew', () => {
    const backfill = read('0/FF', `${2n ** 33n + 5n}:${2n ** 33n + 9n}:${2n ** 33n + 5n}`);

    expect(compareVersions(backfill, streamed('10', '20', 2 ** 32 - 3))).toBeGreaterThan(0);
    expect(compareVersions(backfill, streamed('10', '20', 5))).toBeLessThan(0);
    expect(compareVersions(backfill, streamed('10', '20', 6))).toBeGreaterThan(0);
    expect(compareVersions(backfill, streamed('10', '256', 6))).toBeLessThan(0);
  });

  test('that have no transaction id, as older ones are stored, beat a read and keep their order', () => {
    expect(compareVersions(streamed('10', '20'), read('FF/0', '9:9:'))).toBeGreaterThan(0);
    expect(compareVersions(streamed('10', '20'), streamed('10', '21', 7))).toBeLessThan(0);
    expect(compareVersions(streamed('10', '20'), streamed('9', '99', 7))).toBeGreaterThan(0);
  });

  test("stand to Debezium's snapshot as their LSNs do", () => {
    const snapshot = rowVersionOf('t', { snapshot: 'true', sequence: '[null,"256"]' }).value ?? '';

    expect(compareVersions(read('0/FF', '9:9:'), snapshot)).toBeLessThan(0);
    expect(compareVersions(read('0/101', '9:9:'), snapshot)).toBeGreaterThan(0);
  });
});

describe('versions of different epochs', () => {
  const inEpoch = (epoch: number, source: Parameters<typeof rowVersionOf>[1]): string =>
    rowVersionOf('t', { ...source, epoch }).value ?? '';
  const late = { snapshot: 'false', sequence: '["900","901"]', txId: 90 };
  const early = { snapshot: 'true', sequence: '[null,"5"]' };

  test('are in the order of the epochs, whatever their LSNs and whoever read them', () => {
    const older = [
      inEpoch(0, early),
      inEpoch(0, late),
      read('FF/0', '99:99:'),
      inEpoch(1, early),
      inEpoch(1, late),
      backfillVersion({ lsn: 'FF/0', snapshot: '99:99:', epoch: 1 }),
    ];
    const newer = [
      inEpoch(2, early),
      inEpoch(2, { ...late, sequence: '[null,"1"]', txId: 1 }),
      backfillVersion({ lsn: '0/1', snapshot: '1:1:', epoch: 2 }),
      inEpoch(16, early),
    ];

    for (const one of older) {
      for (const other of newer) {
        expect([compareVersions(one, other), compareVersions(other, one)]).toEqual([-1, 1]);
      }
    }
  });

  test('are in the same order as text: where no backfill reads, bytes are compared', () => {
    const sources = [early, late, { snapshot: 'false', sequence: '["7","8"]', txId: 1 }];
    const all = [0, 1, 15, 16, 255, 65_536].flatMap((epoch) =>
      sources.map((source) => inEpoch(epoch, source)),
    );

    expect([...all].sort()).toEqual([...all].sort(compareVersions));
  });

  test('within one epoch are in the order that they have in the first', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (all, epoch) => {
        const start = inEpoch(epoch, early).slice(0, 9);
        for (const one of all) {
          for (const other of all) {
            expect(compareVersions(`${start}${one.version}`, `${start}${other.version}`)).toBe(
              compareVersions(one.version, other.version),
            );
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
