/** Tells that the platform sold more than there is: nights of a type, or a room that is another's. */
import { capacityGround, capacityOn } from './capacity.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { partitionKeyOf } from './lock-id.ts';

export interface Overcommit {
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly propertyId: string;
  readonly reservationId: string;
  readonly lockId: string;
  /** Of the hold that this decision made. */
  readonly version: number;
  /** The room that was sold; undefined: any of the type. */
  readonly roomId: string | undefined;
  readonly nights: readonly string[];
  /** Nights that the hold counted on before this decision. */
  readonly ownNights: readonly string[];
}

export function tellOvercommit(draft: DecisionDraft, overcommit: Overcommit): void {
  const { state } = draft;
  const { tenantId, roomTypeId, propertyId, reservationId, lockId, roomId } = overcommit;
  const { version, nights, ownNights } = overcommit;
  const partitionKey = partitionKeyOf({ tenantId, roomTypeId });
  const ground = capacityGround(state, { tenantId, partitionKey });
  draft.events.push({
    type: 'inventory.overcommitted',
    ...{ tenantId, roomTypeId, propertyId, version },
    hold: { lockId, reservationId, ...(roomId && { roomId }) },
    nights: nights.map((night) => ({
      night,
      capacity: ground === undefined ? 0 : capacityOn(state, ground, { partitionKey, night }),
      held: state.heldOn(partitionKey, night) + Number(!ownNights.includes(night)),
    })),
    decidedAtMs: draft.atMs,
  });
}
