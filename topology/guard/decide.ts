/**
 * The guard's decisions: a pure function of the state, the command, the time and the settings. It
 * changes nothing; `evolve` does.
 */
import { assert } from '../../kernel/assert.ts';
import { decideBulkRelease, decideRelease } from './decide-release.ts';
import { decideCatalogue, decideHandOver, decideProperty, decideRoom } from './decide-catalogue.ts';
import { decideCommand } from './decide-command.ts';
import { decideConfirm, decidePlatformStay } from './decide-platform.ts';
import { decideExpire, decideForget } from './decide-sweep.ts';
import { decideLock } from './decide-lock.ts';
import type { AnswerTo, Decision } from './decision.ts';
import { DecisionDraft } from './decision-draft.ts';
import type { GuardOptions } from './guard-options.ts';
import type { GuardState } from './guard-state.ts';
import type { GuardInput } from './input.ts';

export interface DecisionContext {
  /** The owner's clock; the decision clock never runs behind the last decision. */
  readonly nowMs: number;
  readonly options: GuardOptions;
}

export function decide<Input extends GuardInput>(
  state: GuardState,
  command: Input,
  { nowMs, options }: DecisionContext,
): Decision<Input> {
  assert(Number.isSafeInteger(nowMs), 'the time of a decision is whole milliseconds');
  const draft = new DecisionDraft(state, nowMs, options);
  const answer = answerTo(draft, command) as AnswerTo<Input>;
  const { changes, events, leniencies, atMs: decidedAtMs } = draft;
  return { decidedAtMs, command, answer, changes, events, leniencies };
}

function answerTo(draft: DecisionDraft, command: GuardInput): AnswerTo<GuardInput> {
  switch (command.kind) {
    case 'lock':
      return decideLock(draft, command);
    case 'release':
      return decideRelease(draft, command);
    case 'bulk-release':
      return decideBulkRelease(draft, command);
    case 'expire':
      return decideExpire(draft, command);
    case 'forget':
      return decideForget(draft, command);
    case 'command':
      return decideCommand(draft, command);
    case 'confirm':
      return decideConfirm(draft, command);
    case 'platform-stay':
      return decidePlatformStay(draft, command);
    case 'room':
      return decideRoom(draft, command);
    case 'hand-over':
      return decideHandOver(draft, command);
    case 'property':
      return decideProperty(draft, command);
    case 'catalogue':
      return decideCatalogue(draft, command);
  }
}
