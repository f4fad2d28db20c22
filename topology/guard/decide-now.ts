/**
 * A command as the owner of its partition decides it: what is due by now expires first, each step a
 * decision of its own, so that a hold whose time is over never stands in a request's way.
 */
import { decide, type DecisionContext } from './decide.ts';
import type { Decision } from './decision.ts';
import { evolve } from './evolve.ts';
import type { GuardState, GuardStateWriter } from './guard-state.ts';
import type { GuardInput } from './input.ts';

/** Holds that expire in one decision: keeps its record below the size that a topic takes. */
export const expiriesPerDecision = 200;

export interface DecidedNow<Input extends GuardInput> {
  /** In order, all of them already made. */
  readonly expiries: readonly Decision[];
  readonly decision: Decision<Input>;
}

export function decideNow<Input extends GuardInput>(
  state: GuardState & GuardStateWriter,
  command: Input,
  context: DecisionContext,
): DecidedNow<Input> {
  const expiries: Decision[] = [];
  for (;;) {
    const expiry = decide(state, { kind: 'expire', limit: expiriesPerDecision }, context);
    if (expiry.changes.length === 0) break;
    evolve(state, expiry);
    expiries.push(expiry);
  }
  const decision = decide(state, command, context);
  evolve(state, decision);
  return { expiries, decision };
}
