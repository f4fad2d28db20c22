/** What the Roll Service's tasks have stored, page by page, of an engine that runs all of them. */
import type { KafkaStreams, ReadOnlyKeyValueStore } from '../../../streams/index.ts';
import type { PropertyCalendar } from '../../../topology/roll/derive.ts';
import type { StoredLedger } from '../../../topology/roll/ledger.ts';
import { ledgerStores } from '../../../topology/roll/ledger-processor.ts';
import {
  propertyStores,
  type StoredProperty,
  type TotalsKey,
} from '../../../topology/roll/property-processor.ts';
import { rollSubTopologies } from '../../../topology/roll/roll-topology.ts';
import type { DailyTotals } from '../../../topology/roll/totals.ts';

const pageEntries = 500;

export interface LedgerWithKey {
  readonly key: string;
  readonly ledger: StoredLedger;
  /** Partition of the ledger's task. */
  readonly task: number;
}

/** Of all tasks, or of those that have keys of one partition of the events. */
export async function* ledgersOf(
  streams: KafkaStreams,
  events?: { readonly eventPartition: number; readonly eventCount: number },
): AsyncGenerator<readonly LedgerWithKey[]> {
  const { ledger: subTopology } = rollSubTopologies;
  const taskCount = streams.partitionCount(subTopology);
  for (let task = 0; task < taskCount; task += 1) {
    if (events !== undefined && !canShareKeys(events, { task, taskCount })) continue;
    const { store } = streams.query<ReadOnlyKeyValueStore<string, StoredLedger>>({
      ...{ subTopology, partition: task, store: ledgerStores.ledgers },
    });
    for await (const page of pagesOf(store, (key) => `${key}\u0000`)) {
      yield page.map(([key, ledger]) => ({ key, ledger, task }));
    }
  }
}

/** A key's partitions in two topics are the same remainder of the same hash, as far as their counts share divisors. */
function canShareKeys(
  { eventPartition, eventCount }: { eventPartition: number; eventCount: number },
  { task, taskCount }: { task: number; taskCount: number },
): boolean {
  const shared = greatestDivisor(eventCount, taskCount);
  return eventPartition % shared === task % shared;
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

export async function calendarOf(
  streams: KafkaStreams,
  task: number,
  property: string,
): Promise<PropertyCalendar | undefined> {
  const { store } = streams.query<ReadOnlyKeyValueStore<string, PropertyCalendar>>({
    ...{ subTopology: rollSubTopologies.ledger, partition: task, store: ledgerStores.calendars },
  });
  return store.get(property);
}

export async function* propertiesOf(
  streams: KafkaStreams,
): AsyncGenerator<readonly (readonly [string, StoredProperty])[]> {
  const { property: subTopology } = rollSubTopologies;
  for (let task = 0; task < streams.partitionCount(subTopology); task += 1) {
    const { store } = streams.query<ReadOnlyKeyValueStore<string, StoredProperty>>({
      ...{ subTopology, partition: task, store: propertyStores.properties },
    });
    yield* pagesOf(store, (key) => `${key}\u0000`);
  }
}

export async function* totalsOf(
  streams: KafkaStreams,
): AsyncGenerator<readonly (readonly [TotalsKey, DailyTotals])[]> {
  const { property: subTopology } = rollSubTopologies;
  for (let task = 0; task < streams.partitionCount(subTopology); task += 1) {
    const { store } = streams.query<ReadOnlyKeyValueStore<TotalsKey, DailyTotals>>({
      ...{ subTopology, partition: task, store: propertyStores.totals },
    });
    // A date with something behind it comes after that date and before the next.
    yield* pagesOf(store, ([tenant, property, date]) => [tenant, property, `${date}!`]);
  }
}

async function* pagesOf<Key, Value>(
  store: ReadOnlyKeyValueStore<Key, Value>,
  after: (key: Key) => Key,
): AsyncGenerator<readonly (readonly [Key, Value])[]> {
  let from: Key | undefined;
  for (;;) {
    const page = await store.range(from, undefined, { limit: pageEntries });
    yield page;
    const last = page.at(-1)?.[0];
    if (last === undefined || page.length < pageEntries) return;
    from = after(last);
  }
}
