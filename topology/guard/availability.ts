/** How many rooms of a type are free, night by night. */
import { addDays } from '../calendar/calendar-date.ts';
import { capacityGround, capacityOn } from './capacity.ts';
import type { GuardState } from './guard-state.ts';
import { partitionKeyOf } from './lock-id.ts';

export interface AvailabilityQuery {
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** The first night, `YYYY-MM-DD`. */
  readonly from: string;
  /** The date after the last night. */
  readonly to: string;
}

export interface NightAvailability {
  readonly night: string;
  /** Undefined: not known, as `free` is then. */
  readonly capacity: number | undefined;
  readonly held: number;
  /** 0 also where more is held than there is. */
  readonly free: number | undefined;
}

export function availability(state: GuardState, query: AvailabilityQuery): NightAvailability[] {
  const partitionKey = partitionKeyOf(query);
  const ground = capacityGround(state, { tenantId: query.tenantId, partitionKey });
  const nights: NightAvailability[] = [];
  for (let night = query.from; night < query.to; night = addDays(night, 1)) {
    const held = state.heldOn(partitionKey, night);
    const capacity = ground && capacityOn(state, ground, { partitionKey, night });
    const free = capacity === undefined ? undefined : Math.max(0, capacity - held);
    nights.push({ night, capacity, held, free });
  }
  return nights;
}
