/**
 * Which of two versions of one table row is newer. A version is text, by where the row was read:
 *
 *   0<zeros><LSN>               by Debezium's snapshot
 *   1<commit LSN><LSN><xid>     by Debezium from the log; stored ones of before have no transaction id
 *   2<LSN><xmin:xmax:running>   by our backfill: Postgres' own text of what its snapshot saw
 *
 * Among the first two the byte order is the order of versions: a streamed change beats what a snapshot
 * read, then commit LSN, then LSN. The LSN alone orders changes, not commits: a transaction that wrote
 * earlier may commit later. What the backfill read is newer than a streamed change if its snapshot saw
 * that change's transaction. For one row this is one order: who writes a row waits for the row's last
 * writer, and stops waiting when that one is visible to every later snapshot; so what a snapshot saw of
 * the row's streamed changes is always the first so many of them, and a later snapshot saw no fewer.
 *
 * LSNs and transaction ids compare within one database system, one timeline and one unbroken stream. Where
 * that ended (a slot that was lost, a standby that took over) all tables are read anew, as a new epoch, whose
 * versions begin with
 *
 *   e<epoch>                    eight hexadecimal digits; versions of epoch 0 have no such beginning
 *
 * and are newer than any of an earlier epoch. In byte order, too: `e` is above every digit.
 */
import { firstEpoch } from '../../schemas/capture-epoch.ts';
import { rowProblem, type Read } from './row-problem.ts';

export type RowVersion = string;

/** What Debezium says about a change; the names are its own. */
export interface ChangeSource {
  /** `false`, or how the row was read. */
  readonly snapshot?: string | boolean | null | undefined;
  /** JSON text of two LSNs: last commit before this transaction, this change. */
  readonly sequence?: string | null | undefined;
  readonly lsn?: number | bigint | null | undefined;
  /** The transaction's id; Postgres' log knows its lower 32 bits. */
  readonly txId?: number | bigint | null | undefined;
  /** When the platform committed the change, or the row was read; milliseconds since 1970. */
  readonly ts_ms?: number | bigint | null | undefined;
  /** Of the record that brought it, see `capture-epoch.ts`; undefined: 0. */
  readonly epoch?: number | undefined;
}

/** When the backfill read; both as Postgres says them, in the reading transaction. */
export interface BackfillRead {
  /** `pg_current_wal_insert_lsn()`, asked after the snapshot was taken. */
  readonly lsn: string;
  /** `pg_current_snapshot()`: `xmin:xmax:` and the ids between that were running. */
  readonly snapshot: string;
  /** Of the capture at the time; undefined: 0. */
  readonly epoch?: number | undefined;
}

interface Snapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: readonly bigint[];
}

const lsnDigits = 16;
const backfilled = '2';
const epochMark = 'e';
const epochDigits = 8;
/** Ids begin anew after so many. */
const idCycle = 2n ** 32n;
/** More transactions than ever run at a time, their parts included: so far above `xmax` an id can be. */
const runningMax = 2n ** 24n;

/** The version of a change; a streamed one without a sequence cannot be ordered and is a problem. */
export function rowVersionOf(table: string, source: ChangeSource): Read<RowVersion> {
  const lsns = readSequence(source.sequence);
  const epoch = epochPart(source.epoch);
  if (isSnapshot(source.snapshot)) {
    const lsn = lsns?.[1] ?? BigInt(source.lsn ?? 0);
    return { value: `${epoch}0${hex(0n)}${hex(lsn)}` };
  }
  if (lsns === undefined) {
    const message = 'a streamed change needs source.sequence ("[commit LSN, LSN]") to be ordered';
    return rowProblem({ table, field: 'source.sequence', reason: 'unreadable', message });
  }
  const { txId } = source;
  const xid = txId === undefined || txId === null ? '' : hex(BigInt(txId) % idCycle, 8);
  return { value: `${epoch}1${hex(lsns[0])}${hex(lsns[1])}${xid}` };
}

/** The version of all rows that one transaction of the backfill reads. */
export function backfillVersion({ lsn, snapshot, epoch }: BackfillRead): RowVersion {
  const [high = '', low = ''] = lsn.split('/');
  const read = `${backfilled}${high.padStart(8, '0')}${low.padStart(8, '0')}${snapshot}`;
  return `${epochPart(epoch)}${read.toLowerCase()}`;
}

function epochPart(epoch = firstEpoch): string {
  return epoch === firstEpoch ? '' : `${epochMark}${hex(BigInt(epoch), epochDigits)}`;
}

/** What is before it says the epoch. */
function epochLength(version: RowVersion): number {
  return version.startsWith(epochMark) ? epochMark.length + epochDigits : 0;
}

/** Above 0: `left` is newer; 0: they are the same. */
export function compareVersions(left: RowVersion, right: RowVersion): number {
  if (left === right) return 0;
  const [start, otherStart] = [epochLength(left), epochLength(right)];
  if (start === 0 && otherStart === 0) return compareWithin(left, right);
  const epochs = compareText(left.slice(0, start), right.slice(0, otherStart));
  return epochs === 0 ? compareWithin(left.slice(start), right.slice(otherStart)) : epochs;
}

/** Two of one epoch. */
function compareWithin(left: RowVersion, right: RowVersion): number {
  const isBackfilled = left.startsWith(backfilled);
  if (isBackfilled !== right.startsWith(backfilled)) {
    return isBackfilled ? compareBackfilled(left, right) : -compareBackfilled(right, left);
  }
  return isBackfilled ? compareReads(left, right) : compareText(left, right);
}

/** Two reads of the backfill: later snapshots see more. */
function compareReads(left: RowVersion, right: RowVersion): number {
  const [one, other] = [snapshotIn(left), snapshotIn(right)];
  if (one.xmax !== other.xmax) return one.xmax < other.xmax ? -1 : 1;
  const running = other.running.length - one.running.length;
  return running === 0 ? compareText(left, right) : running;
}

/** A read of the backfill, and what Debezium brought. */
function compareBackfilled(read: RowVersion, other: RowVersion): number {
  const isStreamed = other.startsWith('1');
  if (!isStreamed) return lsnIn(read) < changeLsnIn(other) ? -1 : 1;
  return saw(read, other) ? 1 : -1;
}

/** A change behind the read's LSN cannot have been seen, whatever became of its id since: ids repeat. */
function saw(read: RowVersion, streamed: RowVersion): boolean {
  const xid = streamed.slice(1 + 2 * lsnDigits);
  if (xid === '' || changeLsnIn(streamed) > lsnIn(read)) return false;
  const { xmin, xmax, running } = snapshotIn(read);
  const id = wholeId(BigInt(`0x${xid}`), xmax);
  return id < xmin || (id < xmax && !running.includes(id));
}

/** The log has an id's lower 32 bits; the change was written before the read, so it is none of later. */
function wholeId(low: bigint, xmax: bigint): bigint {
  const newest = xmax + runningMax;
  const whole = newest - ((((newest - low) % idCycle) + idCycle) % idCycle);
  return whole < 0n ? low : whole;
}

let lastText: RowVersion | undefined;
let lastSnapshot: Snapshot | undefined;

/** Thousands of rows in a row carry the same one. */
function snapshotIn(read: RowVersion): Snapshot {
  if (lastSnapshot !== undefined && lastText === read) return lastSnapshot;
  const [xmin = '0', xmax = '0', running = ''] = read.slice(1 + lsnDigits).split(':');
  const ids = running === '' ? [] : running.split(',').map(BigInt);
  lastText = read;
  return (lastSnapshot = { xmin: BigInt(xmin), xmax: BigInt(xmax), running: ids });
}

function lsnIn(read: RowVersion): string {
  return read.slice(1, 1 + lsnDigits);
}

function changeLsnIn(captured: RowVersion): string {
  return captured.slice(1 + lsnDigits, 1 + 2 * lsnDigits);
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
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

function hex(value: bigint, digits = lsnDigits): string {
  return value.toString(16).padStart(digits, '0');
}
