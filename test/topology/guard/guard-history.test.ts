/** Random histories: the guard against a model that scans every hold, and what must hold after each step. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Lock } from '../../../topology/guard/lock.ts';
import { isLive } from '../../../topology/guard/lock.ts';
import { decide } from '../../../topology/guard/decide.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import type { Decision } from '../../../topology/guard/decision.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import type { GuardInput } from '../../../topology/guard/input.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { heldParts, publicLock } from '../../../topology/guard/stored-lock.ts';
import { foldedAnew, liveLocks, startMs } from './guard-fixtures.ts';
import { NaiveGuard, type NaiveAnswer } from './naive-guard.ts';
import { capturedHotel, histories, type History } from './random-commands.ts';

/** Short ones, so that there can be many. */
const historyCount = 10_000;

class Play {
  readonly state: MemoryGuardState;
  readonly naive: NaiveGuard;
  readonly log: Decision[] = [];
  readonly history: History;
  nowMs = startMs;
  /** The highest version seen of each partition key (V4). */
  readonly versions = new Map<string, number>();

  constructor(history: History) {
    const { options, sellLimits } = history;
    this.history = history;
    this.state = new MemoryGuardState({ sellLimits });
    this.naive = new NaiveGuard(options, sellLimits);
    if (history.isCaptured) for (const input of capturedHotel) this.ask(input);
  }

  run(): void {
    for (const { afterMs, input } of this.history.steps) {
      this.nowMs += afterMs;
      const asked = input(this.state);
      if (asked.kind === 'confirm') this.#confirm(asked.lockId);
      else this.ask(asked);
      expectNoRoomHeldTwice(this.state);
    }
  }

  ask(input: GuardInput): void {
    const { options } = this.history;
    const { expiries, decision } = decideNow(this.state, input, { nowMs: this.nowMs, options });
    const expected = this.naive.ask(input, this.nowMs);

    this.#record(...expiries, decision);
    expectSameAnswer(decision, expected);
    expect(heldBy(liveLocks(this.state))).toEqual(heldBy(this.#naiveHolds()));
    if (input.kind === 'lock') this.#checkLock(decision as Decision);
    if (input.kind === 'release') this.#checkFence();
  }

  #naiveHolds(): Lock[] {
    return this.naive.holds
      .map(({ lock }) => lock)
      .filter(isLive)
      .sort((left, right) => (left.lockId < right.lockId ? -1 : 1));
  }

  #record(...decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      this.log.push(decision);
      for (const change of decision.changes) {
        if (change.kind !== 'lock') continue;
        const key = partitionKeyOf(change.after);
        // V4: every change of a hold has a version above all before it.
        expect(change.after.version).toBeGreaterThan(this.versions.get(key) ?? 0);
        this.versions.set(key, change.after.version);
      }
    }
  }

  #checkLock(decision: Decision): void {
    const { answer, command, changes } = decision;
    const { options } = this.history;
    if (command.kind !== 'lock') return;
    if (answer.status === 'CONFLICT') {
      // V2: the conflict names a hold that counts now, of the same tenant.
      const { blockingLock } = answer.conflict;
      if (blockingLock === undefined) return;
      const stored = this.state.lock(blockingLock.lockId)!;
      expect(publicLock(stored)).toEqual(blockingLock);
      expect(isLive(stored) && stored.tenantId === command.tenantId).toBe(true);
    }
    if (answer.status !== 'LOCKED') return;
    if (!answer.isRepeat) {
      // V2: what was answered is in the decision, with the same version.
      const logged = changes.flatMap((change) => (change.kind === 'lock' ? [change.after] : []));
      expect(logged.map(publicLock)).toEqual([answer.lock]);
      this.#expectWithinCapacity(answer.lock);
    }
    // V5: asked again, it is the same answer, and nothing changes.
    const again = decide(this.state, command, { nowMs: this.nowMs, options });
    expect(again.answer).toEqual({ status: 'LOCKED', lock: answer.lock, isRepeat: true });
    expect(again.changes).toEqual([]);
  }

  /** V1, for what was just granted. */
  #expectWithinCapacity({ tenantId, roomTypeId, nights }: Lock): void {
    for (const night of nights) {
      const capacity = this.naive.capacity(tenantId, roomTypeId, night);
      const held = this.naive.holdersOn(tenantId, roomTypeId, night).length;
      expect(held).toBeLessThanOrEqual(capacity ?? Infinity);
    }
  }

  /** V4: no hold can be released with an older version. */
  #checkFence(): void {
    const { options } = this.history;
    for (const { tenantId, lockId, version } of liveLocks(this.state).slice(0, 1)) {
      const stale = {
        ...{ kind: 'release', tenantId, lockId, version: version - 1, reservationId: undefined },
        ...{ reason: '', actor: '', correlationId: undefined, metadata: {} },
      } as const;
      const { answer } = decide(this.state, stale, { nowMs: this.nowMs, options });
      expect(answer).toMatchObject({ status: 'REFUSED', code: 'PRECONDITION_FAILED' });
    }
  }

  #confirm(lockId: string): void {
    const lock = this.state.lock(lockId);
    if (lock === undefined || !isLive(lock)) return;
    const version = this.state.lastVersion(partitionKeyOf(lock)) + 1;
    const after = {
      ...lock,
      ...{ status: 'CONFIRMED', expiresAtMs: undefined, confirmedStay: undefined, version },
    } as const;
    const decision: Decision = {
      decidedAtMs: this.state.lastDecisionMs(),
      command: { kind: 'catalogue', isComplete: true },
      answer: { status: 'NOTED' },
      changes: [{ kind: 'lock', lockId, before: lock.version, after }],
      ...{ events: [], leniencies: [] },
    };
    evolve(this.state, decision);
    this.#record(decision);
    this.naive.confirm(lockId);
  }
}

function heldBy(locks: readonly Lock[]): unknown {
  return locks.map(({ lockId, version, status, roomId, nights, expiresAtMs }) => {
    return { lockId, version, status, roomId, nights, expiresAtMs };
  });
}

function expectSameAnswer({ answer }: Decision, expected: NaiveAnswer): void {
  if (answer.status === 'CONFLICT' && expected.status === 'CONFLICT') {
    const { reason, nights, blockingLock } = answer.conflict;
    expect({ reason, nights }).toEqual({ reason: expected.reason, nights: expected.nights });
    const { blockerIds } = expected;
    if (blockerIds.length === 0) expect(blockingLock).toBeUndefined();
    else expect(blockerIds).toContain(blockingLock?.lockId);
    return;
  }
  if (answer.status === 'REFUSED') {
    const { status, code, field } = answer;
    expect({ status, code, field }).toEqual(expected);
    return;
  }
  if (answer.status === 'DONE') {
    const results = answer.results.map(({ lockId, outcome }) => ({ lockId, outcome }));
    expect({ ...answer, results }).toEqual(expected);
    return;
  }
  expect(answer).toEqual(expected);
}

/** V1: two holds that count never have one room at one instant. */
function expectNoRoomHeldTwice(state: MemoryGuardState): void {
  const parts = liveLocks(state).flatMap((lock) =>
    heldParts(lock).map((part) => ({ ...part, lock })),
  );
  for (const left of parts) {
    for (const right of parts) {
      if (left.lock.lockId >= right.lock.lockId || left.roomId === undefined) continue;
      if (left.roomId !== right.roomId || left.lock.tenantId !== right.lock.tenantId) continue;
      const isApart = left.stayEndMs <= right.stayStartMs || right.stayEndMs <= left.stayStartMs;
      expect(isApart).toBe(true);
    }
  }
}

describe('decisions of the guard', () => {
  test('equal those of a model that scans every hold, and keep V1, V2, V4 and V5 after each step', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const play = new Play(history);

        play.run();

        expect(foldedAnew(play.log).contents()).toEqual(play.state.contents());
      }),
      { numRuns: historyCount },
    );
  });
});
