/**
 * The audit records of one partition, in stores of its task: by hold, and in the order of time by tenant,
 * so that either question costs what it answers. They are written in the transaction of the decision
 * that they tell of, and go when their hold is forgotten; the log of decisions has them for ever.
 */
import { compositeSerde, jsonSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import type { KeyValueStore } from '../../streams/index.ts';
import { auditOf, type AuditedDecision, type AuditRecord } from './audit.ts';

/** Names are for life. */
export const auditStores = { records: 'audit', times: 'audit-times' } as const;

/** What a record lies under, part by part. */
type AuditKey = readonly string[];

export interface AuditStores {
  readonly records: KeyValueStore<AuditKey, AuditRecord>;
  /** Nothing but its keys is of use. */
  readonly times: KeyValueStore<AuditKey, number>;
}

/** Newest first. */
export interface LockAuditRequest {
  readonly kind: 'lock-audit';
  readonly lockId: string;
  /** Whoever asks sees nothing of other tenants. */
  readonly tenantIds: readonly string[];
  readonly limit: number;
}

/** Newest first, over all holds of the partition. */
export interface TenantAuditRequest {
  readonly kind: 'tenant-audit';
  readonly tenantId: string;
  readonly limit: number;
}

export type AuditRead = LockAuditRequest | TenantAuditRequest;

/** Digits of the largest version and the latest time: keys are ordered as text. */
const digits = 16;
/** Records of a hold that are looked for at once; most have a handful. */
const pageSize = 100;
/** Holds whose records are looked for at once. */
const readsAtOnce = 50;

export const auditStoreBuilders = Object.values(auditStores).map((name) =>
  // Hardly ever read again.
  keyValueStore({ name, key: compositeSerde, value: jsonSerde(), caching: false }),
);

export function isAuditRead(request: { readonly kind: string }): request is AuditRead {
  return request.kind === 'lock-audit' || request.kind === 'tenant-audit';
}

export class AuditTrail {
  readonly #stores: AuditStores;

  constructor(stores: AuditStores) {
    this.#stores = stores;
  }

  note(decision: AuditedDecision): void {
    const { records, times } = this.#stores;
    for (const record of auditOf(decision)) {
      records.put(recordKey(record), record);
      times.put(timeKey(record), 1);
    }
  }

  /** Deletes the records of the holds that the decision forgets. */
  async forget({ changes }: AuditedDecision): Promise<void> {
    const lockIds = forgottenLocks(changes);
    for (let at = 0; at < lockIds.length; at += readsAtOnce) {
      const some = lockIds.slice(at, at + readsAtOnce);
      await Promise.all(some.map((lockId) => this.#forgetLock(lockId)));
    }
  }

  answer(request: AuditRead): Promise<readonly AuditRecord[]> {
    return request.kind === 'lock-audit' ? this.#ofLock(request) : this.#ofTenant(request);
  }

  async #forgetLock(lockId: string): Promise<void> {
    const { records, times } = this.#stores;
    const prefix = compositeSerde.serialize([lockId]);
    for (;;) {
      const page = await records.prefix(prefix, { limit: pageSize });
      for (const [key, record] of page) {
        records.delete(key);
        times.delete(timeKey(record));
      }
      if (page.length < pageSize) return;
    }
  }

  async #ofLock(request: LockAuditRequest): Promise<readonly AuditRecord[]> {
    const { lockId, tenantIds, limit } = request;
    const prefix = compositeSerde.serialize([lockId]);
    const found = await this.#stores.records.prefix(prefix, { limit, reverse: true });
    return found.map(([, record]) => record).filter(({ tenantId }) => tenantIds.includes(tenantId));
  }

  async #ofTenant({ tenantId, limit }: TenantAuditRequest): Promise<readonly AuditRecord[]> {
    const { records, times } = this.#stores;
    const prefix = compositeSerde.serialize([tenantId]);
    const newest = await times.prefix(prefix, { limit, reverse: true });
    const keys = newest.map(([[, , lockId = '', version = '']]): AuditKey => [lockId, version]);
    await records.load(keys);
    const found = await Promise.all(keys.map(async (key) => records.get(key)));
    return found.filter((record) => record !== undefined);
  }
}

export function forgottenLocks(changes: AuditedDecision['changes']): readonly string[] {
  return changes.flatMap((change) => (change.kind === 'forgotten-lock' ? [change.lockId] : []));
}

export function recordKey({ lockId, version }: AuditRecord): AuditKey {
  return [lockId, padded(version)];
}

export function timeKey({ tenantId, atMs, lockId, version }: AuditRecord): AuditKey {
  return [tenantId, padded(atMs), lockId, padded(version)];
}

/** Newest first, as the keys of `times` are ordered, for what came from several partitions. */
export function newestFirst(left: AuditRecord, right: AuditRecord): number {
  if (left.atMs !== right.atMs) return right.atMs - left.atMs;
  if (left.lockId !== right.lockId) return left.lockId < right.lockId ? 1 : -1;
  return right.version - left.version;
}

function padded(value: number): string {
  return String(value).padStart(digits, '0');
}
