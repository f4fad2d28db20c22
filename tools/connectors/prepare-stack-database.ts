/**
 * Makes a local stack's platform database ready for the connector. A local stack has no vault: a
 * random password goes to the role and into a file that only Connect's worker has to read. It stays the
 * same for the life of the file: a running task has read it already and reconnects with it.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { prepareDatabase } from '../../connectors/prepare-database.ts';
import type { RoleScriptOptions } from '../../connectors/role-sql.ts';
import type { StackState } from '../stack/stack-state.ts';

const passwordFile = 'rollguard-cdc.properties';
const passwordBytes = 24;

type StackSecrets = Pick<StackState, 'secretsFolder'>;

export interface StackSecret {
  readonly file: string;
  /** As the connector's configuration names it. */
  readonly reference: string;
}

/** Where a stack keeps the password of the capturing role. */
export function stackSecret({ secretsFolder }: StackSecrets): StackSecret {
  const file = path.join(secretsFolder, passwordFile);
  return { file, reference: `\${file:${file}:password}` };
}

/** @throws what `prepareDatabase` throws; the old password then stays in the file and in force. */
export async function prepareStackDatabase(
  stack: Pick<StackState, 'secretsFolder' | 'endpoints'>,
  role: RoleScriptOptions,
): Promise<void> {
  const { file } = stackSecret(stack);
  const password = knownPassword(file) ?? randomBytes(passwordBytes).toString('base64url');
  const adminDatabaseUrl = stack.endpoints.platformAdminDatabaseUrl;
  await prepareDatabase({ ...role, adminDatabaseUrl, password });
  mkdirSync(stack.secretsFolder, { recursive: true });
  writeFileSync(file, `password=${password}\n`, { mode: 0o600 });
}

function knownPassword(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return /^password=(.+)$/m.exec(readFileSync(file, 'utf8'))?.[1];
}
