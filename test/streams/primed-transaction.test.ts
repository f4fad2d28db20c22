import { beforeEach, describe, expect, test } from '@jest/globals';
import { RollguardError } from '../../kernel/errors.ts';
import { PrimedTransaction } from '../../streams/primed-transaction.ts';
import type { TaskProducer } from '../../streams/task-producer.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { errorCodeOf } from '../support/error-code.ts';

const transactionTimeoutMs = 30_000;

let clock: ManualClock;
let primed: PrimedTransaction;
let added: { readonly open: () => void; readonly fail: (error: Error) => void };
let producer: TaskProducer;

beforeEach(() => {
  clock = new ManualClock();
  primed = new PrimedTransaction(clock, transactionTimeoutMs);
  producer = {
    addPartitions: () =>
      new Promise<void>((resolve, reject) => {
        added = { open: resolve, fail: reject };
      }),
  } as unknown as TaskProducer;
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a primed transaction', () => {
  test('is opened beside what the task does next; the producer is taken until then', async () => {
    primed.prime(producer);
    expect(primed.isOpening).toBe(true);

    added.open();
    await primed.use();
    expect(primed.isOpening).toBe(false);
  });

  test('that could not be opened fails the task that owns the producer, once', async () => {
    primed.prime(producer);
    added.fail(new RollguardError('PRODUCER_FENCED', 'a newer owner'));

    expect(await errorCodeOf(primed.use())).toBe('PRODUCER_FENCED');
    await expect(primed.use()).resolves.toBeUndefined();
  });

  test('that could not be opened while nobody came is told as well', async () => {
    primed.prime(producer);
    added.fail(new RollguardError('OUTCOME_UNKNOWN', 'no answer'));
    await turn();

    expect(() => primed.throwFailure()).toThrow('no answer');
  });

  test('belongs to the owner that opened it: the next one is not told of its failure', async () => {
    primed.prime(producer);
    added.fail(new RollguardError('OUTCOME_UNKNOWN', 'no answer'));
    await primed.over();

    expect(() => primed.throwFailure()).not.toThrow();
  });

  test('that nobody uses is stale before the coordinator would end it, and told so once', async () => {
    primed.prime(producer);
    added.open();
    await primed.opened();
    await clock.advance(transactionTimeoutMs / 2);

    expect([primed.takeStale(), primed.takeStale()]).toEqual([true, false]);
  });
});
