/**
 * Which of two versions of one table row is newer. A version is text whose byte order is the order of
 * versions: origin (a streamed change beats what a snapshot read), commit LSN, LSN. The LSN alone
 * orders changes, not commits: a transaction that wrote earlier may commit later.
 * Versions compare within one database system and timeline only.
 */
import { rowProblem, type Read } from './row-problem.ts';

export type RowVersion = string;

/** What Debezium says about a change; the names are its own. */
export interface ChangeSource {
  /** `false`, or how the row was read. */
  readonly snapshot?: string | boolean | null | undefined;
  /** JSON text of two LSNs: last commit before this transaction, this change. */
  readonly sequence?: string | null | undefined;
  readonly lsn?: number | bigint | null | undefined;
  /** When the platform committed the change, or the row was read; milliseconds since 1970. */
  readonly ts_ms?: number | bigint | null | undefined;
}

/** The version of a change; a streamed one without a sequence cannot be ordered and is a problem. */
export function rowVersionOf(table: string, source: ChangeSource): Read<RowVersion> {
  const lsns = readSequence(source.sequence);
  if (isSnapshot(source.snapshot)) {
    const lsn = lsns?.[1] ?? BigInt(source.lsn ?? 0);
    return { value: `0${hex(0n)}${hex(lsn)}` };
  }
  if (lsns === undefined) {
    const message = 'a streamed change needs source.sequence ("[commit LSN, LSN]") to be ordered';
    return rowProblem({ table, field: 'source.sequence', reason: 'unreadable', message });
  }
  return { value: `1${hex(lsns[0])}${hex(lsns[1])}` };
}

function isSnapshot(snapshot: ChangeSource['snapshot']): boolean {
  return snapshot !== undefined && snapshot !== null && snapshot !== false && snapshot !== 'false';
}

/** The first LSN is null until the connector has seen a commit: older than every other. */
function readSequence(text: ChangeSource['sequence']): [commit: bigint, lsn: bigint] | undefined {
  const match = /^\[(null|"\d{1,19}"),\s*"(\d{1,19})"\]$/.exec(text ?? '');
  if (match === null) return undefined;
  const [, commit = '', lsn = ''] = match;
  return [commit === 'null' ? 0n : BigInt(commit.slice(1, -1)), BigInt(lsn)];
}

function hex(lsn: bigint): string {
  return lsn.toString(16).padStart(16, '0');
}
