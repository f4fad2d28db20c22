/** The verdict of a campaign: what of its findings must not be. */
import { describe, expect, test } from '@jest/globals';
import {
  renderCampaign,
  violationsOf,
  type CampaignReport,
} from '../../../tools/faults/campaign-report.ts';

const task = { task: 'ledger_0', entries: 1, tailRecords: 0, differing: [] };
const hashes = { store: 'same', changelog: 'same', recomputed: 'same' };
const events = {
  ...{ events: 3, entries: 2, hash: 'e', recomputed: 'e' },
  ...{ repeated: [] as readonly string[], differing: [], toldAgain: 0, contradicting: [] },
};
const state = { tasks: [{ ...task, ...hashes }], events, isEqual: true };
const right: CampaignReport = {
  ...{ seed: 7, faults: [{ kind: 'kafka', afterMs: 1 }], seconds: 60 },
  totals: { checkout: 1, cancel: 0, no_show: 0, nights: 2, revenue_cents: 300 },
  ...{ workloads: 2, abandoned: [], violations: [] },
  callers: {
    ...{ locks: 9, changes: 1, releases: 2, repeats: 1, conflicts: 3 },
    ...{ attempts: 20, unanswered: 4, ofZombies: { again: 2 } },
  },
  locks: { events: 12, violations: [] },
  ...{ state, stateAfterLoss: state },
  guard: { tasks: [], events: [], truncated: [], isEqual: true },
  stores: [{ of: 'instance 2', tasks: [{ ...task, store: 'same', changelog: 'same' }] }],
  restores: [{ of: 'instance 1', restores: 4, recordsMax: 5, recordsTotal: 9, beyondTail: [] }],
};

describe('the verdict', () => {
  test('is that all invariants hold, with what it was made of', () => {
    const text = renderCampaign(right);

    expect(violationsOf(right)).toEqual([]);
    expect(text).toContain('all invariants hold');
    expect(text).toContain('of instances that had stood still: 2 again');
    expect(text).toContain('instance 2: 1 of 1 as their changelogs say');
  });

  test.each<[string, Partial<CampaignReport>]>([
    ['locks: V2: gone', { locks: { events: 1, violations: ['V2: gone'] } }],
    [
      'instance 2: ledger_0: key is not as the changelog says',
      {
        stores: [
          {
            of: 'instance 2',
            tasks: [{ ...task, store: 'a', changelog: 'b', differing: ['key'] }],
          },
        ],
      },
    ],
    [
      'after the faults: event 0@3 repeats the one before it',
      { state: { ...state, events: { ...events, repeated: ['0@3'] } } },
    ],
    [
      'ledger_0: what was restored has another hash than the changelog before',
      { stateAfterLoss: { ...state, tasks: [{ ...task, ...hashes, store: 'other' }] } },
    ],
    [
      'instance 1: more than the tail was restored: ledger_0',
      {
        restores: [
          {
            of: 'instance 1',
            restores: 4,
            recordsMax: 5,
            recordsTotal: 9,
            beyondTail: ['ledger_0'],
          },
        ],
      },
    ],
  ])('names %s', (violation, wrong) => {
    const found = violationsOf({ ...right, ...wrong });

    expect(found).toEqual([violation]);
    expect(renderCampaign({ ...right, ...wrong, violations: found })).toContain('1 violations');
  });
});
