/** Figures of runs in pairs, against each peer. */
import { describe, expect, test } from '@jest/globals';
import { ratiosToPeers } from '../../bench/peers/ratios.ts';
import type { SideName } from '../../bench/peers/sides.ts';

const speed = { speed: (run: { readonly speed: number }) => run.speed };
const run = (side: SideName, pair: number, figure: number) => ({ side, pair, speed: figure });

describe('the ratio to a peer', () => {
  test('is the median over the pairs, not the ratio of the medians', () => {
    const runs = [
      ...[run('rollguard', 1, 100), run('jvm', 1, 50)],
      ...[run('jvm', 2, 100), run('rollguard', 2, 400)],
      ...[run('rollguard', 3, 900), run('jvm', 3, 300)],
    ];

    expect(ratiosToPeers(runs, speed)).toEqual({ jvm: { speed: 3 } });
  });

  test('takes in only the pairs that the peer was part of', () => {
    const runs = [run('rollguard', 1, 8), run('kafkats', 1, 2), run('rollguard', 2, 1_000)];

    expect(ratiosToPeers(runs, speed)).toEqual({ kafkats: { speed: 4 } });
  });

  test('is not there for a peer that did not run, nor for one without a run of ours beside it', () => {
    expect(ratiosToPeers([run('rollguard', 1, 8)], speed)).toEqual({});
    expect(ratiosToPeers([run('rollguard', 1, 8), run('jvm', 2, 8)], speed)).toEqual({});
  });
});
