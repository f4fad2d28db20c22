/**
 * Who may act for tenants by hand. A setting names them, one entry each between commas or blanks:
 *
 *   <id>:<SHA-256 of the token, 64 hex digits>:<tenant>+<tenant>…
 *
 * The token itself is nowhere but with its holder: what is configured cannot be sent as one. What is
 * wrong is told by the entry's number, since an entry may hold by mistake what nobody is to see.
 */
import { z } from 'zod';
import { isUuid } from './uuid.ts';

export interface AdminToken {
  /** Names the holder in messages and logs. */
  readonly id: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
  readonly tenantIds: readonly string[];
}

const tokensMax = 100;
const tenantsMax = 100;
const idRule = /^[A-Za-z0-9._-]{1,64}$/;
const digestRule = /^[0-9a-f]{64}$/i;
/** As the header x-tenant-id, without what separates entries and tenants. */
const tenantRule = /^[!-*\--~]{1,200}$/;

export const adminTokens: z.ZodType<readonly AdminToken[], string> = z
  .string()
  .transform((text, context) => {
    const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
    const tokens: AdminToken[] = [];
    const problem =
      entries.length > tokensMax
        ? `must be at most ${tokensMax} entries`
        : readAll(entries, tokens);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    return tokens;
  });

/** @returns what is wrong with the first wrong entry. */
function readAll(entries: readonly string[], tokens: AdminToken[]): string | undefined {
  for (const [index, entry] of entries.entries()) {
    const token = readToken(entry);
    if (typeof token === 'string') return `entry ${index + 1} ${token}`;
    if (tokens.some(({ id, digest }) => id === token.id || digest.equals(token.digest))) {
      return `entry ${index + 1} has the id or the token of an entry before it`;
    }
    tokens.push(token);
  }
  return undefined;
}

/** What is wrong, as text, unless nothing is. */
function readToken(entry: string): AdminToken | string {
  const [id = '', digest = '', ...rest] = entry.split(':');
  const tenants = rest.join(':').split('+');
  if (!idRule.test(id))
    return 'must begin with an id of letters, digits, dots and dashes, then ":"';
  if (!digestRule.test(digest)) {
    return `must have the SHA-256 of the token in 64 hex digits after the id, then ":"`;
  }
  if (tenants.length > tenantsMax) return `must name at most ${tenantsMax} tenants`;
  if (!tenants.every((tenant) => tenantRule.test(tenant))) {
    return `must name its tenants at the end, "+" between them`;
  }
  const normal = tenants.map((tenant) => (isUuid(tenant) ? tenant.toLowerCase() : tenant));
  return { id, digest: Buffer.from(digest, 'hex'), tenantIds: [...new Set(normal)] };
}
