/** What is a gap, what a suspicion, and what is neither. */
import { describe, expect, test } from '@jest/globals';
import { unknownStanding, type CaptureStanding } from '../../capture/capture-standing.ts';
import {
  judgeCapture,
  slotFill,
  type CaptureSeen,
  type CaptureVerdict,
  type SlotSeen,
} from '../../capture/judge-capture.ts';

const followed = { system: '7713528540174308743', timeline: 1 };
const standing: CaptureStanding = { ...unknownStanding, followed };
const slot: SlotSeen = {
  isActive: true,
  walStatus: 'reserved',
  confirmedLsn: 1_000n,
  retainedBytes: 100,
};

interface Changes {
  readonly server?: Partial<NonNullable<CaptureSeen['server']>>;
  readonly slot?: Partial<SlotSeen> | null;
  readonly seen?: Partial<CaptureSeen>;
  readonly standing?: CaptureStanding;
}

function look(changes: Changes = {}): CaptureSeen {
  return {
    slotName: 'rollguard',
    server: {
      ...{ ...followed, isStandby: false, lsn: 2_000n, keptBytesMax: undefined },
      ...changes.server,
      slot: changes.slot === null ? undefined : { ...slot, ...changes.slot },
    },
    ...{ deliveredLsn: 1_000n, connector: 'running', heartbeatAgeMs: 4_000, ...changes.seen },
  };
}

function judge(changes: Changes = {}): CaptureVerdict {
  return judgeCapture(look(changes), changes.standing ?? standing);
}

function reasonOf(verdict: CaptureVerdict): string {
  return 'reason' in verdict ? `${verdict.kind} ${verdict.reason}` : verdict.kind;
}

describe('the capture', () => {
  test('is as it should be when slot, server and log are those that were followed', () => {
    expect(judge()).toEqual({ kind: 'ok' });
  });

  test.each<[string, Changes]>([
    ['gap slot-missing', { slot: null }],
    ['gap slot-lost', { slot: { walStatus: 'lost', isActive: false } }],
    ['gap slot-ahead', { slot: { isActive: false, confirmedLsn: 1_001n } }],
    ['gap system-changed', { server: { system: '1' } }],
    ['gap timeline-changed', { server: { timeline: 2 } }],
    ['gap log-behind', { server: { lsn: 999n } }],
    // A standby took over: what it says of its slots is second to that it is another.
    ['gap timeline-changed', { server: { timeline: 2 }, slot: null }],
  ])('has a %s', (expected, changes) => {
    expect(reasonOf(judge(changes))).toBe(expected);
  });

  test.each<[string, Changes]>([
    ['suspect unreachable', { seen: { server: undefined } }],
    ['suspect standby', { server: { isStandby: true, timeline: 0 }, slot: null }],
    ['suspect silent', { slot: { isActive: false }, seen: { heartbeatAgeMs: 20_001 } }],
    // A slot that is read by what is stuck.
    ['suspect silent', { seen: { heartbeatAgeMs: 60_001 } }],
    ['suspect silent', { seen: { connector: undefined, heartbeatAgeMs: 60_001 } }],
    ['suspect connector-down', { seen: { connector: 'failed' } }],
    ['suspect connector-down', { slot: { isActive: false }, seen: { connector: 'paused' } }],
    ['suspect connector-down', { seen: { connector: 'missing' } }],
    ['suspect slot-filling', { server: { keptBytesMax: 200 } }],
  ])('is %s, which is no gap', (expected, changes) => {
    expect(reasonOf(judge(changes))).toBe(expected);
  });

  test.each<[string, Changes]>([
    [
      'a slot that is read confirms what the look at Connect did not see yet',
      { slot: { confirmedLsn: 1_001n } },
    ],
    [
      'of a connector that nobody asked nothing is said',
      { slot: { isActive: false, confirmedLsn: 9_000n }, seen: { deliveredLsn: undefined } },
    ],
    [
      'a slot without a reader for a moment is a restart',
      { slot: { isActive: false }, seen: { heartbeatAgeMs: 19_000 } },
    ],
    [
      'a heartbeat that a large transaction keeps waiting comes later',
      { seen: { heartbeatAgeMs: 59_000 } },
    ],
    [
      'a connector that begins is no connector that stands still',
      { slot: { isActive: false }, seen: { connector: 'starting' } },
    ],
    [
      'a slot that nobody has confirmed yet is behind',
      { slot: { isActive: false, confirmedLsn: undefined } },
    ],
  ])('%s', (_claim, changes) => {
    expect(judge(changes)).toEqual({ kind: 'ok' });
  });

  test('that was never seen has nothing to lose: a slot begins it', () => {
    expect(judge({ standing: unknownStanding, slot: null })).toEqual({ kind: 'none' });
    expect(judge({ standing: unknownStanding })).toEqual({ kind: 'ok' });
  });

  test('with a gap has it until it is closed, whatever is seen', () => {
    const gap = { reason: 'slot-missing', detail: 'gone', atMs: 1 } as const;

    for (const changes of [{}, { seen: { server: undefined } }, { slot: null }]) {
      expect(reasonOf(judge({ ...changes, standing: { ...standing, gap } }))).toBe(
        'gap slot-missing',
      );
    }
  });

  test('is warned of at 50 and at 80 % of what the server keeps', () => {
    const said = [99, 100, 159, 160].map((retainedBytes) => {
      const verdict = judge({ slot: { retainedBytes }, server: { keptBytesMax: 200 } });
      return 'detail' in verdict ? /(\d+) %/.exec(verdict.detail)?.[1] : undefined;
    });

    expect(said).toEqual([undefined, '50', '50', '80']);
    expect(slotFill(look({ server: { keptBytesMax: 200 } }))).toBe(0.5);
    expect(slotFill(look())).toBeUndefined();
  });
});
