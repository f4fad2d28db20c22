/**
 * What the events of a topic say of each entry, beside the ledgers: where they differ, the events that
 * make them say the same. Run again after it was killed it finds only what is still missing.
 *
 * One partition of the events at a time: memory holds the last event of each of its entries, by revision.
 */
import type { Clock } from '../../../kernel/clock.ts';
import { partitionFor } from '../../../kernel/murmur2.ts';
import type { KafkaPort, KafkaStreams } from '../../../streams/index.ts';
import type { FetchedRecord, TransactionalProducer } from '../../../streams/kafka/port.ts';
import { readRanges, wholeTopics, type OffsetRange } from '../../../streams/kafka/read-ranges.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import { propertyKey, reservationKey } from '../../../topology/roll/roll-messages.ts';
import { DifferenceWriter } from './difference-writer.ts';
import { calendarOf, ledgersOf, type LedgerWithKey } from './stored-roll.ts';

/** How an event lies in its topic. */
export interface EventCodec {
  readonly encode: (change: RollChange) => Buffer;
  /** Undefined: it says nothing about an entry. */
  readonly decode: (value: Buffer) => RollChange | undefined;
}

export interface EntryDifferencesOptions {
  readonly port: KafkaPort;
  /** Whose stores are read; every ledger task runs here. */
  readonly streams: KafkaStreams;
  readonly producer: TransactionalProducer;
  readonly eventsTopic: string;
  readonly codec: EventCodec;
  readonly replayId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The revision that was said last; undefined: voided. */
type LastSaid = Map<string, string | undefined>;

/** @returns how many events were written. */
export async function emitEntryDifferences(options: EntryDifferencesOptions): Promise<number> {
  const { port, eventsTopic } = options;
  const writer = new DifferenceWriter(options);
  const ranges = await wholeTopics(port, [eventsTopic]);
  for (const range of ranges) {
    const said = await lastSaid(range, options);
    await compareLedgers(range, { ...options, eventCount: ranges.length, said, writer });
    const left = new Set([...said].flatMap(([id, revision]) => (revision ? [id] : [])));
    await voidEntries(range, left, { ...options, writer });
  }
  await writer.flush();
  return writer.count;
}

async function lastSaid(range: OffsetRange, options: EntryDifferencesOptions): Promise<LastSaid> {
  const said: LastSaid = new Map();
  await readChanges(range, options, ({ kind, entry }) => {
    said.set(idOf(entry), kind === 'voided' ? undefined : entry.revision);
  });
  return said;
}

interface Comparison extends EntryDifferencesOptions {
  readonly eventCount: number;
  /** What agrees or was written is taken out: what is left has no entry. */
  readonly said: LastSaid;
  readonly writer: DifferenceWriter;
}

async function compareLedgers({ partition }: OffsetRange, comparison: Comparison): Promise<void> {
  const { streams, eventCount, signal } = comparison;
  const isHere = (key: string): boolean => partitionFor(Buffer.from(key), eventCount) === partition;
  const tasks = { eventPartition: partition, eventCount };
  for await (const page of ledgersOf(streams, tasks)) {
    signal.throwIfAborted();
    for (const found of page) {
      if (isHere(found.key)) await compareLedger(found, partition, comparison);
    }
  }
}

async function compareLedger(
  { key, ledger, task }: LedgerWithKey,
  partition: number,
  { streams, said, writer }: Comparison,
): Promise<void> {
  for (const { entry } of ledger.entries) {
    const id = idOf(entry);
    const before = said.get(id);
    said.delete(id);
    if (before === entry.revision) continue;
    // As of any change that comes now: late, if its date is closed.
    const property = propertyKey(entry.tenantId, entry.propertyId);
    const lastClosedDate = (await calendarOf(streams, task, property))?.lastClosedDate;
    const adjustment = lastClosedDate !== undefined && entry.businessDate <= lastClosedDate;
    const kind = before === undefined ? 'created' : 'revised';
    await writer.write(partition, key, { kind, entry, adjustment });
  }
}

/** Entries that were said last to be there and that no ledger has. */
async function voidEntries(
  range: OffsetRange,
  ids: ReadonlySet<string>,
  options: EntryDifferencesOptions & { readonly writer: DifferenceWriter },
): Promise<void> {
  if (ids.size === 0) return;
  // Their content is wanted now, which was not kept; there are few, or the events are of something else.
  const last = new Map<string, RollChange>();
  await readChanges(range, options, (change) => {
    const id = idOf(change.entry);
    if (ids.has(id)) last.set(id, change);
  });
  for (const { entry } of last.values()) {
    const key = reservationKey(entry.tenantId, entry.reservationId);
    await options.writer.write(range.partition, key, { kind: 'voided', entry, adjustment: true });
  }
}

async function readChanges(
  range: OffsetRange,
  { port, codec, signal }: EntryDifferencesOptions,
  visit: (change: RollChange) => void,
): Promise<void> {
  await readRanges(port, [range], ({ value }: FetchedRecord) => {
    const change = value === null ? undefined : codec.decode(value);
    if (change !== undefined) visit(change);
    return !signal.aborted;
  });
  signal.throwIfAborted();
}

function idOf({ tenantId, ledgerId }: RollChange['entry']): string {
  return `${tenantId} ${ledgerId}`;
}
