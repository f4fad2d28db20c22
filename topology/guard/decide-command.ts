/**
 * A command that came through Kafka. Kafka and those who write to it send things twice: what a command
 * did is done once, by its id. One that is refused has done nothing, so it is decided anew when
 * somebody sends it again. A lock whose time to live is over when it comes is recorded and never granted:
 * whoever wanted it has long gone on.
 */
import { decideBulkRelease, decideRelease } from './decide-release.ts';
import { decideLock, ttlOf } from './decide-lock.ts';
import type { CommandAnswer } from './decision.ts';
import type { DecisionDraft } from './decision-draft.ts';
import type { CommandInput } from './input.ts';
import { rejectedEvent } from './inventory-event.ts';
import { isRefusal } from './refusal.ts';

export function decideCommand(draft: DecisionDraft, input: CommandInput): CommandAnswer {
  const { tenantId, commandId, command } = input;
  if (draft.state.commandDecidedMs({ tenantId, commandId }) !== undefined) {
    return { status: 'DUPLICATE' };
  }
  draft.commandId = commandId;
  const answer = isLate(draft, input) ? ({ status: 'LATE' } as const) : decided(draft, command);
  if (isRefusal(answer)) return answer;
  const decidedAtMs = draft.atMs;
  draft.changes.push({ kind: 'command', command: { tenantId, commandId }, decidedAtMs });
  if (answer.status === 'CONFLICT' && command.kind === 'lock') {
    const version = draft.state.lastVersion(`${tenantId}|${command.roomTypeId}`);
    const { conflict } = answer;
    draft.events.push(rejectedEvent(command, { conflict, commandId, version, decidedAtMs }));
  }
  return answer;
}

function decided(draft: DecisionDraft, command: CommandInput['command']): CommandAnswer {
  switch (command.kind) {
    case 'lock':
      return decideLock(draft, command);
    case 'release':
      return decideRelease(draft, command);
    case 'bulk-release':
      return decideBulkRelease(draft, command);
  }
}

function isLate(draft: DecisionDraft, { command, issuedAtMs }: CommandInput): boolean {
  if (command.kind !== 'lock') return false;
  const ttlSeconds = ttlOf(draft, command.ttlSeconds);
  return typeof ttlSeconds === 'number' && issuedAtMs + ttlSeconds * 1_000 <= draft.atMs;
}
