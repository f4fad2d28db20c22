/** What can be asked of the Roll Service: a reservation's ledger, a property's days. Committed state only. */
import type { KafkaStreams, ReadOnlyKeyValueStore } from '../../streams/index.ts';
import { addDays } from '../calendar/calendar-date.ts';
import type { StoredEntry } from './diff.ts';
import type { StoredLedger } from './ledger.ts';
import { ledgerStores } from './ledger-processor.ts';
import { propertyStores, type StoredProperty, type TotalsKey } from './property-processor.ts';
import { propertyKey, reservationKey } from './roll-messages.ts';
import { rollSubTopologies } from './roll-topology.ts';
import { occupancyOf, type DailyTotals } from './totals.ts';

/** Which state an answer shows: the owner's task and its changelog position. */
export interface ReadPosition {
  readonly partition: number;
  readonly offset: number;
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
  ledger(tenantId: string, reservationId: string): Promise<LedgerAnswer | undefined>;
  /** Both dates included. @throws NOT_READY */
  property(query: PropertyQuery): Promise<PropertyAnswer>;
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
    ledger: async (tenantId, reservationId) => {
      const key = reservationKey(tenantId, reservationId);
      const subTopology = rollSubTopologies.ledger;
      const partition = streams.partitionOf(subTopology, Buffer.from(key));
      const view = streams.query<ReadOnlyKeyValueStore<string, StoredLedger>>({
        subTopology,
        partition,
        store: ledgerStores.ledgers,
      });
      const ledger = await view.store.get(key);
      const position = { partition, offset: view.position };
      return ledger === undefined ? undefined : { entries: ledger.entries, position };
    },
    property: async ({ tenantId, propertyId, from, to }) => {
      const key = propertyKey(tenantId, propertyId);
      const subTopology = rollSubTopologies.property;
      const partition = streams.partitionOf(subTopology, Buffer.from(key));
      const totals = streams.query<ReadOnlyKeyValueStore<TotalsKey, DailyTotals>>({
        subTopology,
        partition,
        store: propertyStores.totals,
      });
      const properties = streams.query<ReadOnlyKeyValueStore<string, StoredProperty>>({
        subTopology,
        partition,
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
        position: { partition, offset: totals.position },
      };
    },
  };
}
