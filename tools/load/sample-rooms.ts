/** Rooms of a type of their own in the platform's database: nobody but whoever made them asks for them. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** A type of rooms that nothing else uses. */
export interface SampleType {
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly roomIds: readonly string[];
}

/** Rooms of a new type in the first property of the platform's database. */
export async function createRooms(databaseUrl: string, count: number): Promise<SampleType> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const roomTypeId = randomUUID();
    const code = roomTypeId.slice(0, 8).toUpperCase();
    const { rows: types } = await client.query<{ tenant_id: string; property_id: string }>(
      `INSERT INTO room_types (id, tenant_id, property_id, type_name, type_code)
       SELECT $1, tenant_id, id, 'Guard test', $2 FROM properties ORDER BY id LIMIT 1
       RETURNING tenant_id, property_id`,
      [roomTypeId, code],
    );
    const [type] = types;
    const roomIds = Array.from({ length: count }, () => randomUUID());
    await client.query(
      `INSERT INTO rooms (id, tenant_id, property_id, room_type_id, room_number)
       SELECT id::uuid, $2, $3, $4, $5 || '-' || row_number() OVER ()
       FROM unnest($1::text[]) AS id`,
      [roomIds, type?.tenant_id, type?.property_id, roomTypeId, code],
    );
    return { tenantId: type?.tenant_id ?? '', roomTypeId, roomIds };
  } finally {
    await client.end();
  }
}

/** As the guard's partitions are keyed. */
export function keyOf({ tenantId, roomTypeId }: SampleType): string {
  return `${tenantId}|${roomTypeId}`;
}
