import { describe, expect, test } from '@jest/globals';
import { gather, type Scatter } from '../../api/peers/scatter.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const scatter: Scatter = {
  ...{ subTopology: 'guard', partitions: [0, 1, 2, 3] },
  ...{ nowMs: 1_000_000, deadlineMs: 1_010_000 },
};
const failing =
  (errors: Readonly<Record<number, ErrorCode>>) =>
  (partition: number): Promise<string> => {
    const code = errors[partition];
    return code === undefined
      ? Promise.resolve(`of ${partition}`)
      : Promise.reject(new RollguardError(code, `said ${partition}`));
  };

describe('what all partitions are asked', () => {
  test('is answered by each, in their order, whoever is first', async () => {
    const turns = new Map<number, (answer: string) => void>();
    const gathered = gather(
      scatter,
      (partition) => new Promise<string>((resolve) => turns.set(partition, resolve)),
    );
    for (const partition of [2, 0, 3, 1]) turns.get(partition)?.(`of ${partition}`);

    expect(await gathered).toEqual({
      answers: ['of 0', 'of 1', 'of 2', 'of 3'],
      missing: [],
    });
  });

  test('keeps an answer that is a list as it is, and one that is nothing', async () => {
    const answers = [[1, 2], [], undefined, [[3]]];

    expect(await gather(scatter, (partition) => Promise.resolve(answers[partition]))).toEqual({
      answers,
      missing: [],
    });
  });

  test('names those that cannot answer now, and why, beside what the others say', async () => {
    const codes = { 3: 'NOT_READY', 0: 'KAFKA_UNAVAILABLE', 2: 'DEADLINE_EXCEEDED' } as const;
    const { answers, missing } = await gather(scatter, failing(codes));

    expect(answers).toEqual(['of 1']);
    expect(missing.map(({ task, partition, error }) => [task, partition, error.code])).toEqual([
      ['guard_0', 0, 'KAFKA_UNAVAILABLE'],
      ['guard_2', 2, 'DEADLINE_EXCEEDED'],
      ['guard_3', 3, 'NOT_READY'],
    ]);
  });

  test.each(['QUEUE_FULL', 'REQUEST_INVALID', 'OUTCOME_UNKNOWN', 'STORE_FAILED'] as const)(
    'fails with %s of one of them, whatever the others say',
    async (code) => {
      const asked = gather(scatter, failing({ 1: 'NOT_READY', 2: code }));

      await expect(asked).rejects.toMatchObject({ code, message: 'said 2' });
    },
  );

  test('fails with an error that nobody expected', async () => {
    const error = new Error('a bug');

    await expect(gather(scatter, () => Promise.reject(error))).rejects.toBe(error);
  });

  test('counts other errors as missing where the caller says so', async () => {
    const missingCodes = ['OUTCOME_UNKNOWN'] as const;
    const { missing } = await gather(
      { ...scatter, missingCodes },
      failing({ 1: 'OUTCOME_UNKNOWN' }),
    );

    expect(missing.map(({ task }) => task)).toEqual(['guard_1']);
    await expect(
      gather({ ...scatter, missingCodes }, failing({ 1: 'NOT_READY' })),
    ).rejects.toMatchObject({ code: 'NOT_READY' });
  });

  test('of no partition is nothing', async () => {
    expect(await gather({ ...scatter, partitions: [] }, failing({}))).toEqual({
      answers: [],
      missing: [],
    });
  });
});

describe('the deadline', () => {
  test.each([
    ['a short one keeps a tenth of what is left', 2_000, 1_800],
    ['a long one half a second', 60_000, 59_500],
    ['one that is over nothing', -5, -5],
  ])('of a partition: %s', async (_what, leftMs, partitionLeftMs) => {
    const { nowMs } = scatter;
    const { answers } = await gather({ ...scatter, deadlineMs: nowMs + leftMs }, (_, deadlineMs) =>
      Promise.resolve(deadlineMs - nowMs),
    );

    expect(answers).toEqual(Array.from({ length: 4 }, () => partitionLeftMs));
  });

  test('of a slow partition is over while there is time to tell what the others said', async () => {
    const clock = new ManualClock();
    const nowMs = clock.nowMs();
    const gathered = gather(
      { ...scatter, nowMs, deadlineMs: nowMs + 10_000 },
      async (partition, deadlineMs) => {
        if (partition !== 2) return `of ${partition}`;
        await clock.sleep(deadlineMs - nowMs);
        throw new RollguardError('DEADLINE_EXCEEDED', 'not decided');
      },
    );
    await clock.advance(9_600);
    const { answers, missing } = await gathered;

    expect(answers).toEqual(['of 0', 'of 1', 'of 3']);
    expect(missing.map(({ task }) => task)).toEqual(['guard_2']);
    expect(nowMs + 10_000 - clock.nowMs()).toBeGreaterThan(0);
  });
});
