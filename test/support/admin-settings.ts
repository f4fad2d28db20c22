/** Settings of what is done by hand, as an instance reads them from its environment. */
import { hash } from 'node:crypto';
import type { AdminSettings } from '../../api/guard/audit-operations.ts';
import { parseSettings } from '../../kernel/settings.ts';

/** @param given by the names of the environment; without tokens nothing is allowed. */
export function adminSettings(given: Readonly<Record<string, string>> = {}): AdminSettings {
  return parseSettings({
    KAFKA_BROKERS: 'unused:1',
    SCHEMA_REGISTRY_URL: 'http://unused',
    ...given,
  });
}

/** An entry of AVAILABILITY_GUARD_ADMIN_TOKENS. */
export function tokenEntry(id: string, token: string, tenantIds: readonly string[]): string {
  return `${id}:${hash('sha256', token)}:${tenantIds.join('+')}`;
}
