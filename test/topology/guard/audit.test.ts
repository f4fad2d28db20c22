/** What a decision is audited by: a pure function of it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isUuid } from '../../../kernel/uuid.ts';
import { auditIdOf, auditOf, type AuditRecord } from '../../../topology/guard/audit.ts';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import type { Decision } from '../../../topology/guard/decision.ts';
import { decisionLine, readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { isLive } from '../../../topology/guard/lock.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { hourMs, openHotel, startMs, tenantId, type Owner } from './guard-fixtures.ts';
import { capturedHotel, histories, type History } from './random-commands.ts';

const manual = {
  actor: { id: 'u-17', name: 'Maija', email: 'maija@hotel.example', tokenId: 'desk' },
  recipients: [],
};

/** What was done to a hold, oldest first. */
function trailOf(owner: Owner, lockId: string): readonly AuditRecord[] {
  return owner.log.flatMap(auditOf).filter((record) => record.lockId === lockId);
}

const actionsOf = (owner: Owner, lockId: string): readonly string[] =>
  trailOf(owner, lockId).map(({ action }) => action);

describe('an audit record', () => {
  test('says who did what to which hold, when, why, and for which request', () => {
    const owner = openHotel(['101']);
    const { lockId, version } = owner.held({ actor: 'front', correlationId: 'c-1' });

    expect(trailOf(owner, lockId)).toEqual([
      {
        ...{ auditId: auditIdOf({ lockId, version }), lockId, tenantId, version },
        ...{ action: 'CREATED', actor: { id: 'front' }, reason: 'RESERVATION_CREATE' },
        ...{ correlationId: 'c-1', reservationId: 'R1', atMs: startMs },
      },
    ]);
    expect(isUuid(auditIdOf({ lockId, version }))).toBe(true);
  });

  test('of a release names who released it, not who held it', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ actor: 'front', correlationId: 'c-1' });
    owner.release({ lockId, actor: 'desk', reason: 'GUEST_LEFT', correlationId: 'c-2' });

    expect(trailOf(owner, lockId).at(-1)).toMatchObject({
      ...{ action: 'RELEASED', actor: { id: 'desk' }, reason: 'GUEST_LEFT' },
      correlationId: 'c-2',
    });
  });

  test('of a release by hand has the person, and the token that was shown', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    owner.release({ lockId, actor: 'u-17', reason: 'moved', manual });

    expect(trailOf(owner, lockId).at(-1)).toMatchObject({
      ...{ action: 'MANUAL_RELEASE', actor: manual.actor, reason: 'moved' },
    });
  });

  test('of a bulk release and of an expiry say that they were one', () => {
    const owner = openHotel(['101', '102']);
    const bulk = owner.held({ correlationId: 'c-1' });
    owner.bulk({ lockIds: [bulk.lockId], actor: 'allotment' });
    const late = owner.held({ reservationId: 'R2', ttlSeconds: 60, correlationId: 'c-2' });
    owner.nowMs += hourMs;
    owner.ask({ kind: 'expire', limit: 10 });

    expect(trailOf(owner, bulk.lockId).at(-1)).toMatchObject({
      ...{ action: 'BULK_RELEASE', actor: { id: 'allotment' }, reason: 'CLEARED' },
    });
    expect(trailOf(owner, late.lockId).at(-1)).toMatchObject({
      ...{ action: 'EXPIRED', actor: { id: 'availability-guard' }, reason: 'EXPIRED' },
      correlationId: 'c-2',
    });
  });

  test('of a change that was not confirmed in time says that the hold returned', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    owner.confirm(lockId);
    owner.held({ stayEnd: '2026-05-14', ttlSeconds: 60 });
    owner.nowMs += hourMs;
    owner.ask({ kind: 'expire', limit: 10 });

    expect(actionsOf(owner, lockId)).toEqual(['CREATED', 'CHANGED', 'RETURNED']);
    expect(trailOf(owner, lockId).at(-1)).toMatchObject({
      ...{ actor: { id: 'availability-guard' }, reason: 'EXPIRED' },
    });
  });

  test('is not left by what changes no hold: repeats, conflicts, refusals', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    owner.lock();
    owner.lock({ reservationId: 'R2' });
    owner.release({ lockId, reservationId: 'R2' });
    owner.release({ lockId });
    owner.release({ lockId });

    expect(owner.log.flatMap(auditOf)).toHaveLength(2);
    expect(actionsOf(owner, lockId)).toEqual(['CREATED', 'RELEASED']);
  });
});

describe('over random histories', () => {
  test('every change of a hold leaves exactly one record, told by its log alone', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const decision of played(history)) expectAudited(decision);
      }),
      { numRuns: 500 },
    );
  });
});

function played({ options, sellLimits, isCaptured, drawn, steps }: History): readonly Decision[] {
  const state = new MemoryGuardState({ sellLimits });
  const log: Decision[] = [];
  let nowMs = startMs;
  const ask = (input: (typeof capturedHotel)[number]): void => {
    const { expiries, decision } = decideNow(state, input, { nowMs, options });
    log.push(...expiries, decision);
  };
  if (isCaptured) for (const input of capturedHotel) ask(input);
  for (const { afterMs, input } of steps) {
    nowMs += afterMs;
    const asked = input(state, drawn);
    if (asked.kind !== 'confirm') ask(asked);
  }
  return log;
}

function expectAudited(decision: Decision): void {
  const changed = decision.changes.flatMap((change) =>
    change.kind === 'lock' ? [change.after] : [],
  );
  const records = auditOf(decision);
  const again = auditOf(
    readDecisionLine(decisionLine({ origin: undefined, partition: 0, decision })),
  );

  expect(records.map(({ lockId, version }) => ({ lockId, version }))).toEqual(
    changed.map(({ lockId, version }) => ({ lockId, version })),
  );
  expect(new Set(records.map(({ auditId }) => auditId)).size).toBe(records.length);
  expect(again).toEqual(records);
  for (const [index, lock] of changed.entries()) {
    const { action, tenantId: of } = records[index]!;
    const isEnd = ['RELEASED', 'BULK_RELEASE', 'MANUAL_RELEASE', 'EXPIRED'].includes(action);
    expect([of, isEnd]).toEqual([lock.tenantId, !isLive(lock)]);
  }
}
