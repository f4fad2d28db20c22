/**
 * What the guard holds beside what the platform's own table says: every live reservation has its stay held
 * and confirmed, and nothing else is held.
 */
import { z } from 'zod';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { addDays } from '../../examples/reservation-platform/local-time.ts';
import { RollguardError } from '../../kernel/errors.ts';

export interface HoldComparison {
  /** Live reservations. */
  readonly live: number;
  /** One line each, the first few; empty: everything is held as it was sold. */
  readonly differences: readonly string[];
}

interface HoldPlaces {
  /** Of the HTTP API. */
  readonly url: string;
  readonly databaseUrl: string;
  readonly propertyIds: readonly string[];
}

interface RoomType {
  readonly id: string;
  readonly tenantId: string;
}

const requestTimeoutMs = 10_000;
const pageSize = 500;
const shownMax = 10;
const liveReservations = `
  SELECT id, room_type_id, check_in_date::text AS arrival, check_out_date::text AS departure
  FROM reservations WHERE status IN ('PENDING', 'CONFIRMED', 'CHECKED_IN') AND NOT is_deleted
    AND property_id = ANY ($1)`;
const roomTypes = `
  SELECT id, tenant_id AS "tenantId" FROM room_types WHERE property_id = ANY ($1)`;

const pageSchema = z.object({
  locks: z.array(
    z.object({
      lockId: z.string(),
      reservationId: z.string().nullish(),
      roomTypeId: z.string(),
      status: z.string(),
      nights: z.array(z.string()).min(1),
    }),
  ),
  nextCursor: z.string().nullish(),
});
type HeldLock = z.infer<typeof pageSchema>['locks'][number];

/** @throws NOT_READY when the API does not answer (yet). */
export async function compareHolds(places: HoldPlaces): Promise<HoldComparison> {
  const { url } = places;
  const { sold, types } = await readPlatform(places);
  const found = new Set<string>();
  const differences: string[] = [];
  for (const type of types) {
    for (const lock of await locksOf(url, type)) {
      const stay = stayOf(lock);
      if (!sold.has(stay)) differences.push(`held, but not sold: ${stay} (${lock.lockId})`);
      else if (lock.status !== 'CONFIRMED') differences.push(`${lock.status}: ${stay}`);
      else if (found.has(stay)) differences.push(`held twice: ${stay}`);
      found.add(stay);
    }
  }
  for (const stay of sold) if (!found.has(stay)) differences.push(`sold, but not held: ${stay}`);
  const rest = differences.length - shownMax;
  return {
    live: sold.size,
    differences:
      rest > 0 ? [...differences.slice(0, shownMax), `${rest} more holds differ`] : differences,
  };
}

async function readPlatform(
  places: HoldPlaces,
): Promise<{ readonly sold: ReadonlySet<string>; readonly types: readonly RoomType[] }> {
  const database = await connectPlatformDatabase(places.databaseUrl);
  const { propertyIds } = places;
  try {
    const [reservations, types] = await Promise.all([
      database.query(liveReservations, [propertyIds]),
      database.query(roomTypes, [propertyIds]),
    ]);
    const sold = reservations.rows.map(({ id, room_type_id: type, arrival, departure }) =>
      stayText({
        ...{ reservationId: String(id), roomTypeId: String(type) },
        ...{ arrival: String(arrival), departure: String(departure) },
      }),
    );
    return { sold: new Set(sold), types: types.rows as unknown as readonly RoomType[] };
  } finally {
    await database.close();
  }
}

async function locksOf(url: string, { id, tenantId }: RoomType): Promise<readonly HeldLock[]> {
  const locks: HeldLock[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ roomTypeId: id, limit: String(pageSize) });
    if (cursor !== undefined) query.set('cursor', cursor);
    const page = await pageOf(`${url}/v1/locks?${query.toString()}`, tenantId);
    locks.push(...page.locks);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return locks;
}

async function pageOf(url: string, tenantId: string): Promise<z.infer<typeof pageSchema>> {
  try {
    const headers = { 'x-tenant-id': tenantId };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(requestTimeoutMs) });
    if (response.ok) return pageSchema.parse(await response.json());
    throw new RollguardError('NOT_READY', `${response.status} ${await response.text()}`);
  } catch (error) {
    throw new RollguardError('NOT_READY', 'the holds cannot be read yet', { cause: error });
  }
}

function stayOf({ reservationId, roomTypeId, nights }: HeldLock): string {
  const [arrival = ''] = nights;
  const departure = addDays(nights.at(-1) ?? arrival, 1);
  return stayText({ reservationId: reservationId ?? 'nobody', roomTypeId, arrival, departure });
}

/** Day use sleeps no night and counts on its date, as one night from it does. */
function stayText(stay: {
  readonly reservationId: string;
  readonly roomTypeId: string;
  readonly arrival: string;
  readonly departure: string;
}): string {
  const { reservationId, roomTypeId, arrival, departure } = stay;
  const until = departure === arrival ? addDays(arrival, 1) : departure;
  return `reservation ${reservationId}, type ${roomTypeId}, ${arrival} to ${until}`;
}
