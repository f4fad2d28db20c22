/**
 * Who may act by hand: the holder of a configured token, for the tenants that it is given for. A token
 * is compared as its SHA-256, in a time that depends neither on it nor on which one it equals.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { AdminToken } from '../../kernel/admin-tokens.ts';
import { RollguardError } from '../../kernel/errors.ts';

/** HTTP header. */
export const adminTokenHeader = 'x-guard-admin-token';

/** @throws ADMIN_TOKEN_REFUSED, also when there is no token that could be asked for. */
export function adminOf(
  presented: string | undefined,
  configured: readonly AdminToken[],
): AdminToken {
  const found = tokenOf(presented ?? '', configured);
  if (found !== undefined) return found;
  const message = `header ${adminTokenHeader}: is missing or not one of AVAILABILITY_GUARD_ADMIN_TOKENS`;
  throw new RollguardError('ADMIN_TOKEN_REFUSED', message);
}

/** Looks at every one, whichever it is. */
function tokenOf(presented: string, configured: readonly AdminToken[]): AdminToken | undefined {
  const digest = hash('sha256', presented, 'buffer');
  let found: AdminToken | undefined;
  for (const token of configured) {
    if (isEqualDigest(digest, token.digest)) found = token;
  }
  return found;
}

/** In constant time. */
export function isEqualDigest(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
