/**
 * The states a command passes, as the platform's two writers leave them: the dispatcher publishes and
 * the consumer applies, each updating the lifecycle row when it gets to it. So states may be missing,
 * repeat, or be overwritten by an earlier one that was written later.
 */
import type { Random } from '../../kernel/random.ts';
import type { LifecycleState, PathStep } from './model.ts';

type States = readonly LifecycleState[];

const healthy: States = ['IN_PROGRESS', 'PUBLISHED', 'CONSUMED', 'APPLIED'];

/** Paths that reach APPLIED, each with its share of all commands in percent; the rest is healthy. */
const unusualPaths: readonly (readonly [percent: number, states: States])[] = [
  // The dispatcher marks its publishing after the consumer is through.
  [6, ['IN_PROGRESS', 'CONSUMED', 'APPLIED', 'PUBLISHED']],
  // The broker was away at the first try.
  [4, ['IN_PROGRESS', 'FAILED', 'IN_PROGRESS', 'PUBLISHED', 'CONSUMED', 'APPLIED']],
  // Published, but the dispatcher saw an error: the command is applied and yet ends as FAILED.
  [2, ['IN_PROGRESS', 'CONSUMED', 'APPLIED', 'FAILED']],
  // The same, and its second try published once more.
  [2, ['IN_PROGRESS', 'CONSUMED', 'APPLIED', 'FAILED', 'IN_PROGRESS', 'PUBLISHED']],
  // Best-effort updates that never were written.
  [3, ['PUBLISHED', 'APPLIED']],
  [3, ['IN_PROGRESS', 'PUBLISHED', 'APPLIED']],
];

const deadPaths: readonly States[] = [
  ['IN_PROGRESS', 'PUBLISHED', 'CONSUMED', 'DLQ'],
  ['IN_PROGRESS', 'FAILED', 'IN_PROGRESS', 'FAILED', 'DLQ'],
];

/** Milliseconds from one state to the next: at least the first, less than both together. */
const stepMs = { least: 40, spread: 400 };

/** A path on which the command takes effect. */
export function appliedPath(random: Random, atMs: number): PathStep[] {
  let percent = random.next() * 100;
  for (const [share, states] of unusualPaths) {
    if (percent < share) return timed(random, atMs, states);
    percent -= share;
  }
  return timed(random, atMs, healthy);
}

/** A path that ends in DLQ and changes nothing. */
export function deadPath(random: Random, atMs: number): PathStep[] {
  return timed(random, atMs, deadPaths[random.integer(deadPaths.length)] ?? healthy);
}

function timed(random: Random, atMs: number, states: States): PathStep[] {
  let stepAtMs = atMs;
  return states.map((state) => {
    stepAtMs += stepMs.least + random.integer(stepMs.spread);
    return { state, atMs: stepAtMs };
  });
}
