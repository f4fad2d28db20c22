/** Random histories: the guard against a model that scans every hold, and what must hold after each step. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Lock } from '../../../topology/guard/lock.ts';
import { isLive } from '../../../topology/guard/lock.ts';
import { canonicalJson, type JsonValue } from '../../../topology/canonical-json.ts';
import { decide } from '../../../topology/guard/decide.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import type { Decision } from '../../../topology/guard/decision.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { heldParts, publicLock, type StoredLock } from '../../../topology/guard/stored-lock.ts';
import { foldedAnew, liveLocks, releaseCommand, startMs } from './guard-fixtures.ts';
import { NaiveGuard, type NaiveAnswer, type NaiveInput } from './naive-guard.ts';
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

  /** What fails says what was played. */
  run(): void {
    try {
      this.#run();
    } catch (cause) {
      const played = this.log.map(({ decidedAtMs, command }) => ({ decidedAtMs, ...command }));
      throw new Error(`after ${JSON.stringify(played, undefined, 1)}`, { cause });
    }
  }

  #run(): void {
    for (const { afterMs, input } of this.history.steps) {
      this.nowMs += afterMs;
      const asked = input(this.state, this.history.drawn);
      if (asked.kind === 'confirm') this.#confirm(asked.lockId);
      else this.ask(asked);
      expectNoRoomHeldTwice(this.state);
    }
  }

  ask(input: NaiveInput): void {
    const { options } = this.history;
    const { expiries, decision } = decideNow(this.state, input, { nowMs: this.nowMs, options });
    const expected = this.naive.ask(input, this.nowMs);

    this.#record(...expiries, decision);
    expectSameAnswer(decision, expected);
    expectEqual(liveLocks(this.state).map(publicLock), this.#naiveHolds());
    if (input.kind === 'lock') this.#checkLock(decision);
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
        expectTrue(
          change.after.version > (this.versions.get(key) ?? 0),
          'V4: a version came again',
        );
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
      expectEqual(publicLock(stored), blockingLock);
      const isOwn = stored.tenantId === command.tenantId;
      expectTrue(isLive(stored) && isOwn, 'V2: the named hold was not live');
    }
    if (answer.status !== 'LOCKED') return;
    if (!answer.isRepeat) {
      // V2: what was answered is in the decision, with the same version.
      const logged = changes.flatMap((change) => (change.kind === 'lock' ? [change.after] : []));
      expectEqual(logged.map(publicLock), [answer.lock]);
      this.#expectWithinCapacity(answer.lock);
    }
    // V5: asked again, it is the same answer, and nothing changes.
    const again = decide(this.state, command, { nowMs: this.nowMs, options });
    expectEqual(again.answer, { status: 'LOCKED', lock: answer.lock, isRepeat: true });
    expectEqual(again.changes, []);
  }

  /** V1, for what was just granted. */
  #expectWithinCapacity({ tenantId, roomTypeId, nights }: Lock): void {
    for (const night of nights) {
      const capacity = this.naive.capacity(tenantId, roomTypeId, night);
      const held = this.naive.holdersOn(tenantId, roomTypeId, night).length;
      expectTrue(held <= (capacity ?? Infinity), 'V1: more held than there is');
    }
  }

  /** V4: no hold can be released with an older version. */
  #checkFence(): void {
    const { options } = this.history;
    for (const { tenantId, lockId, version } of liveLocks(this.state).slice(0, 1)) {
      const stale = releaseCommand({ tenantId, lockId, version: version - 1 });
      const { answer } = decide(this.state, stale, { nowMs: this.nowMs, options });
      const isRefused = answer.status === 'REFUSED' && answer.code === 'PRECONDITION_FAILED';
      expectTrue(isRefused, 'V4: released with an older version');
    }
  }

  #confirm(lockId: string): void {
    const lock = this.state.lock(lockId);
    if (lock === undefined || !isLive(lock)) return;
    const version = this.state.lastVersion(partitionKeyOf(lock)) + 1;
    const after: StoredLock = {
      ...lock,
      ...{ expiresAtMs: undefined, confirmedStay: undefined, version },
      status: 'CONFIRMED',
    };
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

/** As `toEqual`, which is too slow to be asked a million times. */
function expectEqual(found: unknown, expected: unknown): void {
  if (sortedJson(found) !== sortedJson(expected)) expect(found).toEqual(expected);
}

function expectTrue(isSo: boolean, claim: string): void {
  if (!isSo) expect(claim).toBe('so');
}

function sortedJson(value: unknown): string {
  return canonicalJson(value as JsonValue);
}

function expectSameAnswer({ answer }: Decision, expected: NaiveAnswer): void {
  if (answer.status === 'CONFLICT' && expected.status === 'CONFLICT') {
    const { reason, nights, blockingLock } = answer.conflict;
    const { blockerIds } = expected;
    const blocker = blockingLock?.lockId ?? 'none';
    const isOneOfThem = blockerIds.length === 0 ? blocker === 'none' : blockerIds.includes(blocker);
    expectEqual({ reason, nights }, { reason: expected.reason, nights: expected.nights });
    expectTrue(isOneOfThem, 'the conflict names a hold that is in the way');
    return;
  }
  if (answer.status === 'REFUSED') {
    const { status, code, field } = answer;
    expectEqual({ status, code, field }, expected);
    return;
  }
  if (answer.status === 'DONE') {
    const results = answer.results.map(({ lockId, outcome }) => ({ lockId, outcome }));
    expectEqual({ ...answer, results }, expected);
    return;
  }
  expectEqual(answer, expected);
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
      expectTrue(isApart, 'V1: a room is held twice');
    }
  }
}

describe('decisions of the guard', () => {
  test('equal those of a model that scans every hold, and keep V1, V2, V4 and V5 after each step', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const play = new Play(history);

        play.run();

        expectEqual(foldedAnew(play.log).contents(), play.state.contents());
      }),
      { numRuns: historyCount },
    );
  });
});
