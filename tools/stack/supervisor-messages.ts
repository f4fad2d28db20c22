/** What the supervisor and the process that started it say to each other over the IPC channel. */
import { errorCodes, type ErrorCode } from '../../kernel/error-codes.ts';
import type { PartName } from './stack-state.ts';

/** The supervisor's only argument, as JSON. */
export interface SupervisorTask {
  readonly root: string;
  readonly stateDir: string;
  readonly timeoutMs: number;
  readonly parts: readonly PartName[];
}

export type FromSupervisor =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** `keep`: the stack is up, the starter has read that it is, and goes. */
export interface ToSupervisor {
  readonly kind: 'keep';
}

/** Sent to the supervisor of a running stack of which a part has ended: start that part again. */
export const repairSignal = 'SIGHUP';

/** Codes come back from another process: one that this version does not know becomes STACK_START. */
export function knownErrorCode(code: string): ErrorCode {
  return Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'STACK_START';
}
