/** Refusals: nothing was changed, the caller has to change its request. */
import type { Refusal } from './answer.ts';

/** A field that no state of the guard could make right. */
export function invalid(field: string, message: string): Refusal {
  return { status: 'REFUSED', code: 'REQUEST_INVALID', field, message };
}

/** A request that does not fit what is held or captured now. */
export function precondition(field: string, message: string): Refusal {
  return { status: 'REFUSED', code: 'PRECONDITION_FAILED', field, message };
}

export function notFound(field: string, message: string): Refusal {
  return { status: 'REFUSED', code: 'NOT_FOUND', field, message };
}

export function isRefusal(value: object): value is Refusal {
  return 'status' in value && value.status === 'REFUSED';
}
