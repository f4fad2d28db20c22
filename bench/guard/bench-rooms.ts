/** Rooms that nothing else uses, in the platform's database, and waiting until the guard knows them. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { dateOf } from './side.ts';
import type { RoomType } from './wishes.ts';

const captureTimeoutMs = 60_000;
const probeIntervalMs = 250;

export async function createBenchRooms(
  databaseUrl: string,
  { typeCount, roomsPerType }: { readonly typeCount: number; readonly roomsPerType: number },
): Promise<readonly RoomType[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const types: RoomType[] = [];
    for (let index = 0; index < typeCount; index += 1) {
      types.push(await createType(client, roomsPerType));
    }
    return types;
  } finally {
    await client.end();
  }
}

async function createType(client: pg.Client, roomCount: number): Promise<RoomType> {
  const roomTypeId = randomUUID();
  const code = roomTypeId.slice(0, 8).toUpperCase();
  const { rows } = await client.query<{ tenant_id: string; property_id: string }>(
    `INSERT INTO room_types (id, tenant_id, property_id, type_name, type_code)
     SELECT $1, tenant_id, id, 'Bench', $2 FROM properties ORDER BY id LIMIT 1
     RETURNING tenant_id, property_id`,
    [roomTypeId, code],
  );
  const [{ tenant_id: tenantId, property_id: propertyId } = { tenant_id: '', property_id: '' }] =
    rows;
  const roomIds = Array.from({ length: roomCount }, () => randomUUID());
  await client.query(
    `INSERT INTO rooms (id, tenant_id, property_id, room_type_id, room_number)
     SELECT id::uuid, $2, $3, $4, $5 || '-' || row_number() OVER () FROM unnest($1::text[]) AS id`,
    [roomIds, tenantId, propertyId, roomTypeId, code],
  );
  return { tenantId, roomTypeId, roomIds };
}

/** @throws STACK_START when the guard does not learn of them in time. */
export async function untilCaptured(
  url: string,
  types: readonly RoomType[],
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + captureTimeoutMs;
  for (const type of types) {
    while ((await capacityOf(url, type)) !== type.roomIds.length) {
      signal.throwIfAborted();
      if (systemClock.monotonicMs() > deadlineMs) {
        throw new RollguardError('STACK_START', 'the rooms of the bench were not captured in time');
      }
      await systemClock.sleep(probeIntervalMs, signal);
    }
  }
}

async function capacityOf(url: string, { tenantId, roomTypeId }: RoomType): Promise<unknown> {
  const query = `roomTypeId=${roomTypeId}&from=${dateOf(0)}&to=${dateOf(1)}`;
  const response = await fetch(`${url}/v1/availability?${query}`, {
    headers: { 'x-tenant-id': tenantId },
  });
  if (!response.ok) return undefined;
  const { nights } = (await response.json()) as { nights: { capacity: number | null }[] };
  return nights[0]?.capacity;
}
