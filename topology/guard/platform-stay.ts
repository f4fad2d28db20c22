/** The stay that a reservation's row sells, as the guard holds it: by the property's calendar. Pure. */
import { atLocalTime } from '../calendar/property-time.ts';
import type { Refusal } from './answer.ts';
import type { PropertyRecord } from './catalogue.ts';
import { knownZone, resolveStay, type Stay } from './stay.ts';

export interface SoldDates {
  readonly arrivalDate: string;
  readonly departureDate: string;
}

/** @param property undefined: not known, its zone is taken for UTC. */
export function platformStay(
  { arrivalDate, departureDate }: SoldDates,
  property: PropertyRecord | undefined,
): Stay | Refusal {
  if (arrivalDate === departureDate) {
    return dayUse(arrivalDate, knownZone(property)?.zone ?? 'UTC');
  }
  return resolveStay({ start: { date: arrivalDate }, end: { date: departureDate } }, property);
}

/** Between the guests who leave that day and those who come: it is in neither's way. */
function dayUse(date: string, zone: string): Stay {
  const [stayStartMs, stayEndMs] = [
    atLocalTime(zone, date, '11:00'),
    atLocalTime(zone, date, '15:00'),
  ];
  return { stayStartMs, stayEndMs, nights: [date] };
}
