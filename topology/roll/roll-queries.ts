/** What can be asked of the Roll Service: a reservation's ledger, a property's days. Committed state only. */
import { RollguardError } from '../../kernel/errors.ts';
import type {
  KafkaStreams,
  ReadOnlyKeyValueStore,
  StoreQuery,
  StoreView,
} from '../../streams/index.ts';
import { addDays } from '../calendar/calendar-date.ts';
import type { StoredEntry } from './diff.ts';
import type { StoredLedger } from './ledger.ts';
import { ledgerStores } from './ledger-processor.ts';
import { propertyStores, type StoredProperty, type TotalsKey } from './property-processor.ts';
import { propertyKey, reservationKey } from './roll-messages.ts';
import { rollSubTopologies } from './roll-topology.ts';
import { occupancyOf, type DailyTotals } from './totals.ts';

/** Which state an answer shows: the task and its changelog position. */
export interface ReadPosition {
  readonly partition: number;
  readonly offset: number;
  /** Offsets that a standby, which answered, is behind the changelog's end; undefined: the owner answered. */
  readonly standbyLag?: number | undefined;
}

/** How old an answer may be. */
export interface ReadOptions {
  /** A standby may answer, as far as it has come. */
  readonly allowsStandby?: boolean | undefined;
  /** What the answer has to show at least, as an earlier answer told. */
  readonly minPosition?: Pick<ReadPosition, 'partition' | 'offset'> | undefined;
}

export interface LedgerAnswer {
  readonly entries: readonly StoredEntry[];
  readonly position: ReadPosition;
}

export interface PropertyDay extends DailyTotals {
  readonly businessDate: string;
  /** Rooms sold as a part of the property's rooms; undefined while their number is unknown. */
  readonly occupancy: number | undefined;
}

export interface PropertyAnswer {
  /** Days on which something happened, in order. */
  readonly days: readonly PropertyDay[];
  readonly zone: string | undefined;
  readonly lastClosedDate: string | undefined;
  readonly position: ReadPosition;
}

export interface RollQueries {
  /** Undefined: no fact about this reservation has come. @throws NOT_READY */
  ledger(query: LedgerQuery, read?: ReadOptions): Promise<LedgerAnswer | undefined>;
  /** Both dates included. @throws NOT_READY */
  property(query: PropertyQuery, read?: ReadOptions): Promise<PropertyAnswer>;
}

export interface LedgerQuery {
  readonly tenantId: string;
  readonly reservationId: string;
}

export interface PropertyQuery {
  readonly tenantId: string;
  readonly propertyId: string;
  /** YYYY-MM-DD, included. */
  readonly from: string;
  readonly to: string;
}

/** Ten years of days; the HTTP API allows less. */
const daysMax = 3_660;

export function rollQueries(streams: KafkaStreams): RollQueries {
  return {
    ledger: async ({ tenantId, reservationId }, read) => {
      const key = reservationKey(tenantId, reservationId);
      const part = partOf(streams, rollSubTopologies.ledger, { key, read });
      const view = streams.query<ReadOnlyKeyValueStore<string, StoredLedger>>({
        ...part,
        store: ledgerStores.ledgers,
      });
      const ledger = await view.store.get(key);
      const position = positionOf(part, view);
      return ledger === undefined ? undefined : { entries: ledger.entries, position };
    },
    property: async ({ tenantId, propertyId, from, to }, read) => {
      const key = propertyKey(tenantId, propertyId);
      const part = partOf(streams, rollSubTopologies.property, { key, read });
      const totals = streams.query<ReadOnlyKeyValueStore<TotalsKey, DailyTotals>>({
        ...part,
        store: propertyStores.totals,
      });
      const properties = streams.query<ReadOnlyKeyValueStore<string, StoredProperty>>({
        ...part,
        store: propertyStores.properties,
      });
      const property = await properties.store.get(key);
      const days = await totals.store.range(
        [tenantId, propertyId, from],
        [tenantId, propertyId, addDays(to, 1)],
        { limit: daysMax },
      );
      return {
        days: days.map(([[, , businessDate], day]) => ({
          businessDate,
          ...day,
          occupancy: occupancyOf(day, property?.totalRooms),
        })),
        zone: property?.zone,
        lastClosedDate: property?.lastClosedDate,
        position: positionOf(part, totals),
      };
    },
  };
}

type StorePart = Omit<StoreQuery, 'store'>;

/** @throws REQUEST_INVALID when the wanted position is one of another partition. */
function partOf(
  streams: KafkaStreams,
  subTopology: string,
  { key, read = {} }: { readonly key: string; readonly read: ReadOptions | undefined },
): StorePart {
  const partition = streams.partitionOf(subTopology, Buffer.from(key));
  const { allowsStandby, minPosition } = read;
  if (minPosition !== undefined && minPosition.partition !== partition) {
    const message = `the wanted position is one of partition ${minPosition.partition}, what is asked for is in ${partition}`;
    throw new RollguardError('REQUEST_INVALID', message);
  }
  return { subTopology, partition, allowsStandby, minPosition: minPosition?.offset };
}

function positionOf({ partition }: StorePart, view: StoreView<unknown>): ReadPosition {
  const { position: offset, standbyLag } = view;
  return { partition, offset, ...(standbyLag === undefined ? {} : { standbyLag }) };
}
