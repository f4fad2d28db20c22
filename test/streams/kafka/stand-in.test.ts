/** When a stand-in heartbeats, by a clock that stands still until it is told to move. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { RollguardError } from '../../../kernel/errors.ts';
import type { LogFields, Logger } from '../../../kernel/logger.ts';
import { silentLogger } from '../../../kernel/logger.ts';
import { brokerError } from '../../../streams/kafka/error-reactions.ts';
import { SignsOfLife } from '../../../streams/kafka/signs-of-life.ts';
import { standIn } from '../../../streams/kafka/stand-in.ts';
import { ManualClock } from '../../../testing/manual-clock.ts';

const heartbeatIntervalMs = 1_000;
const maxPollIntervalMs = 10_000;
const unknownMember = 25;
const rebalanceInProgress = 27;
const groupAuthorizationFailed = 30;
const unavailable = new RollguardError('KAFKA_UNAVAILABLE', 'nobody answers');

let clock: ManualClock;
let signs: SignsOfLife;
let sentAtMs: number[];
let warnings: LogFields[];
let answer: () => void;

beforeEach(() => {
  clock = new ManualClock();
  signs = new SignsOfLife();
  sentAtMs = [];
  warnings = [];
  answer = () => undefined;
});

/** Watches a membership that begins now; tells whether it still does. */
function watch(): { isOver: boolean } {
  const logger: Logger = {
    ...silentLogger,
    warn: (_message, fields = {}) => warnings.push(fields),
  };
  const watching = { isOver: false };
  const generation = { groupId: 'group', memberId: 'member', generationId: 1 };
  const times = { heartbeatIntervalMs, maxPollIntervalMs };
  const watched = { ...generation, ...times, membership: signs.begin(), memory: signs.memory };
  const heartbeat = (): Promise<void> => {
    sentAtMs.push(clock.monotonicMs());
    return Promise.resolve().then(() => answer());
  };
  void standIn({ watched, heartbeat, clock, logger }).then(() => (watching.isOver = true));
  return watching;
}

/** The member heartbeats for so long. */
async function live(ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += heartbeatIntervalMs) {
    signs.beat();
    await clock.advance(heartbeatIntervalMs);
  }
}

describe('a stand-in', () => {
  test('sends nothing while the member does', async () => {
    watch();
    await live(60_000);

    expect(sentAtMs).toEqual([]);
  });

  test('begins after one and a half intervals of silence, and keeps to the interval', async () => {
    watch();
    await clock.advance(4_600);

    expect(sentAtMs).toEqual([1_500, 2_500, 3_500, 4_500]);
  });

  test('ends when the member is heard of again, and begins anew with the next silence', async () => {
    watch();
    await clock.advance(2_000);
    await live(5_000);
    const before = sentAtMs.length;
    await clock.advance(1_000);

    expect([before, sentAtMs]).toEqual([1, [1_500, 7_750]]);
  });

  test('lets a thread go that is silent for too long, says so once, and takes it back', async () => {
    watch();
    await clock.advance(60_000);
    const letGoAtMs = sentAtMs.at(-1);
    await live(1_000);
    await clock.advance(1_000);

    expect(letGoAtMs).toBe(9_500);
    expect(warnings).toEqual([{ groupId: 'group', memberId: 'member', silentMs: 10_500 }]);
    expect(sentAtMs.at(-1)).toBe(61_750);
  });

  test('is over with the membership, whether another one follows or not', async () => {
    const first = watch();
    const second = watch();
    await clock.advance(250);
    const ended = [first.isOver, second.isOver];
    signs.end();
    await clock.advance(5_000);

    expect([ended, second.isOver, sentAtMs]).toEqual([[true, false], true, []]);
  });

  test.each([
    ['goes on while the group gathers', rebalanceInProgress, false],
    ['goes on when the coordinator is away', undefined, false],
    ['is over when the group has forgotten the member', unknownMember, true],
  ])('%s', async (_what, code, isOver) => {
    const watching = watch();
    answer = () => {
      throw code === undefined ? unavailable : brokerError(code, 'heartbeat');
    };
    await clock.advance(3_600);

    expect(watching.isOver).toBe(isOver);
    expect(sentAtMs).toHaveLength(isOver ? 1 : 3);
    expect(warnings).toEqual([]);
  });

  test('is over when Kafka refuses for good, and says so', async () => {
    const watching = watch();
    const refused = brokerError(groupAuthorizationFailed, 'heartbeat');
    answer = () => {
      throw refused;
    };
    await clock.advance(3_600);

    expect([watching.isOver, sentAtMs.length]).toEqual([true, 1]);
    expect(warnings).toEqual([{ groupId: 'group', memberId: 'member', error: refused }]);
  });
});
