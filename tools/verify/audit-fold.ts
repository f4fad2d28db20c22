/** The audit records of one partition from its log of decisions alone, as the stores must have them. */
import type { AuditedDecision, AuditRecord } from '../../topology/guard/audit.ts';
import { auditOf } from '../../topology/guard/audit.ts';
import {
  auditStores,
  forgottenLocks,
  recordKey,
  timeKey,
} from '../../topology/guard/audit-trail.ts';
import { MapStore } from './map-store.ts';

export class AuditFold {
  readonly #records = new MapStore<readonly string[], AuditRecord>(auditStores.records);
  readonly #times = new MapStore<readonly string[], number>(auditStores.times);
  readonly #byLock = new Map<string, AuditRecord[]>();

  get stores(): readonly MapStore<readonly string[], unknown>[] {
    return [this.#records, this.#times];
  }

  add(decision: AuditedDecision): void {
    for (const record of auditOf(decision)) {
      this.#records.put(recordKey(record), record);
      this.#times.put(timeKey(record), 1);
      const ofLock = this.#byLock.get(record.lockId) ?? [];
      this.#byLock.set(record.lockId, [...ofLock, record]);
    }
    for (const lockId of forgottenLocks(decision.changes)) {
      for (const record of this.#byLock.get(lockId) ?? []) {
        this.#records.delete(recordKey(record));
        this.#times.delete(timeKey(record));
      }
      this.#byLock.delete(lockId);
    }
  }
}
