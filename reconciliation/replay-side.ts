/**
 * What the platform's rows are compared with: the service's state or the table, or neither. A side that
 * does not answer is not asked again; the report says why, and what was compared before that counts.
 */
import { isRollguardError, messageOf } from '../kernel/errors.ts';
import type { EntryFields } from '../topology/roll/entry-fields.ts';
import type { LedgerEntry } from '../topology/roll/ledger-entry.ts';

export interface SideStatus {
  readonly status: 'compared' | 'left_out' | 'not_configured' | 'unavailable';
  /** Why it was not compared, or not to the end. */
  readonly reason?: string;
}

/** Some reservations of a tenant, with what their ledgers should say. */
export interface ExpectedLedgers {
  readonly tenantId: string;
  readonly ledgers: ReadonlyMap<string, readonly LedgerEntry[]>;
}

/** What is stored, by reservation; one that is not there has nothing stored. */
export type StoredLedgers = ReadonlyMap<string, readonly EntryFields[]>;

export interface ReplaySideReader {
  readonly status: SideStatus;
  /** Undefined: it is not compared. */
  read(expected: ExpectedLedgers): Promise<StoredLedgers | undefined>;
}

export function unreadSide(status: SideStatus): ReplaySideReader {
  return { status, read: () => Promise.resolve(undefined) };
}

/** @param read throws coded errors when the side does not answer. */
export function replaySide(
  read: (expected: ExpectedLedgers) => Promise<StoredLedgers>,
): ReplaySideReader {
  let status: SideStatus = { status: 'compared' };
  return {
    get status() {
      return status;
    },
    read: async (expected) => {
      if (status.status !== 'compared') return undefined;
      try {
        return await read(expected);
      } catch (error) {
        if (!isRollguardError(error)) throw error;
        status = { status: 'unavailable', reason: `${messageOf(error)} [${error.code}]` };
        return undefined;
      }
    },
  };
}
