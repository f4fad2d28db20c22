/**
 * Some reservations of one tenant: what follows from the platform's rows, by the function that the stream
 * derives with, beside what is stored. Nothing is written anywhere.
 */
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { RowProblem } from '../topology/captured/row-problem.ts';
import { derive, type Derivation, type PropertyCalendar } from '../topology/roll/derive.ts';
import type { LedgerEntry } from '../topology/roll/ledger-entry.ts';
import {
  compareLedger,
  summarize,
  type EntryReport,
  type ReplaySummary,
} from '../topology/roll/replay-report.ts';
import type { PlatformReservation } from './platform-rows.ts';
import type { ReplaySideReader } from './replay-side.ts';

/** What the service says of a property. */
export interface ServiceProperty {
  readonly lastClosedDate: string | undefined;
}

export interface ReplaySources {
  readonly state: ReplaySideReader;
  readonly table: ReplaySideReader;
  /** Stands for whatever the platform says. */
  readonly lastClosedDate: string | undefined;
  /** Asked for properties whose business dates the platform does not keep. */
  readonly serviceProperty:
    ((tenantId: string, propertyId: string) => Promise<ServiceProperty>) | undefined;
}

/** The date up to which nights are closed, and who says so. */
export interface ClosedDate {
  readonly date: string | null;
  readonly from: 'platform' | 'service' | 'option' | 'nobody';
}

export interface ReplayedReservation {
  readonly reservationId: string;
  readonly propertyId: string | undefined;
  readonly timeZone: string | undefined;
  readonly lastClosedDate: ClosedDate;
  readonly waitsFor: Derivation['waitsFor'] | 'readable-rows';
  readonly problems: readonly RowProblem[];
  readonly summary: ReplaySummary;
  readonly entries: readonly EntryReport[];
  /** What follows from the rows. */
  readonly expected: readonly LedgerEntry[];
}

/** Reservations one after another, in batches. */
export interface ReservationReplay {
  /** @throws API_UNAVAILABLE when only the service knows a property's dates and it does not answer. */
  batch(
    tenantId: string,
    reservations: readonly PlatformReservation[],
  ): Promise<readonly ReplayedReservation[]>;
}

export function reservationReplay(sources: ReplaySources): ReservationReplay {
  const closedDates = closedDatesOf(sources);
  // A property's rows are problems of the first of its reservations only.
  const told = new Set<string>();
  return {
    batch: async (tenantId, reservations) => {
      const derived: Derived[] = [];
      for (const reservation of reservations) {
        const closed = await closedDates(tenantId, reservation);
        derived.push(derivedOf(reservation, closed));
      }
      const usable = derived.filter(({ isUsable }) => isUsable);
      const ledgers = new Map(usable.map((each) => [each.reservationId, each.derivation.entries]));
      const state = await sources.state.read({ tenantId, ledgers });
      const table = await sources.table.read({ tenantId, ledgers });
      return derived.map((each) => {
        const { reservationId, propertyId, property, derivation, isUsable } = each;
        const isFirst = propertyId !== undefined && !told.has(propertyId);
        if (isFirst) told.add(propertyId);
        const problems = [...each.problems, ...(isFirst ? (property?.problems ?? []) : [])];
        const comparison = {
          expected: derivation.entries,
          state: isUsable ? state && (state.get(reservationId) ?? []) : undefined,
          table: isUsable ? table && (table.get(reservationId) ?? []) : undefined,
        };
        const entries = isUsable ? compareLedger(comparison) : [];
        const { lifecycleEvents } = each;
        const unreadableRows = problems.length;
        return {
          ...{ reservationId, propertyId, problems, entries, expected: derivation.entries },
          timeZone: property?.zone,
          lastClosedDate: each.closed,
          waitsFor: isUsable ? derivation.waitsFor : 'readable-rows',
          summary: summarize(comparison, entries, { lifecycleEvents, unreadableRows }),
        };
      });
    },
  };
}

interface Derived extends PlatformReservation {
  readonly closed: ClosedDate;
  readonly derivation: Derivation;
}

function derivedOf(reservation: PlatformReservation, closed: ClosedDate): Derived {
  const { facts, property } = reservation;
  const isUsable = reservation.isUsable && property?.isUsable !== false;
  const calendar: PropertyCalendar = {
    zone: isUsable ? property?.zone : undefined,
    lastClosedDate: closed.date ?? undefined,
  };
  return { ...reservation, isUsable, closed, derivation: derive(facts, calendar) };
}

function closedDatesOf({
  lastClosedDate,
  serviceProperty,
}: ReplaySources): (tenantId: string, reservation: PlatformReservation) => Promise<ClosedDate> {
  const answers = new Map<string, Promise<ServiceProperty>>();
  return async (tenantId, { propertyId, property }) => {
    if (lastClosedDate !== undefined) return { date: lastClosedDate, from: 'option' };
    if (propertyId === undefined || property === undefined) return { date: null, from: 'nobody' };
    if (property.hasDates) return { date: property.lastClosedDate ?? null, from: 'platform' };
    if (serviceProperty === undefined) return { date: null, from: 'nobody' };
    const answer = answers.get(propertyId) ?? asked(serviceProperty, tenantId, propertyId);
    answers.set(propertyId, answer);
    return { date: (await answer).lastClosedDate ?? null, from: 'service' };
  };
}

async function asked(
  serviceProperty: NonNullable<ReplaySources['serviceProperty']>,
  tenantId: string,
  propertyId: string,
): Promise<ServiceProperty> {
  try {
    return await serviceProperty(tenantId, propertyId);
  } catch (error) {
    if (!isRollguardError(error)) throw error;
    const message = `the platform keeps no business dates of property ${propertyId}, and the service does not tell: ${messageOf(error)}; or say with --last-closed-date`;
    throw new RollguardError(error.code, message, { cause: error });
  }
}
