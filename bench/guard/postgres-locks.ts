/**
 * The peers: the two ways in which Postgres itself keeps a room from being sold twice. `exclude` lets an
 * exclusion constraint decide, `advisory` a lock on the room (or type) and a look. A type that has to
 * be counted is for `advisory` alone.
 */
import type { Outcome, Wish } from './side.ts';

export const peerMethods = ['exclude', 'advisory'] as const;
export type PeerMethod = (typeof peerMethods)[number];

export interface Queries {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

const setup = `
create extension if not exists btree_gist;
drop schema if exists guard_bench cascade;
create schema guard_bench;
create table guard_bench.held_exclude (
  id uuid primary key default gen_random_uuid(), tenant text, room uuid, stay tstzrange, key text,
  status text default 'ACTIVE',
  exclude using gist (tenant with =, room with =, stay with &&) where (status = 'ACTIVE'));
create table guard_bench.held_advisory (
  id uuid primary key default gen_random_uuid(), tenant text, type uuid, room uuid, starts timestamptz,
  ends timestamptz, key text, status text default 'ACTIVE');
-- By the end: nights are sold in order, so what has ended before is not looked at.
create index on guard_bench.held_advisory (tenant, room, ends);
create index on guard_bench.held_advisory (tenant, type, ends);

create function guard_bench.hold_exclude(t text, r uuid, a timestamptz, b timestamptz, k text)
returns boolean language plpgsql as $$
declare granted uuid;
begin
  insert into guard_bench.held_exclude (tenant, room, stay, key) values (t, r, tstzrange(a, b), k)
  on conflict do nothing returning id into granted;
  return granted is not null;
end $$;

create function guard_bench.hold_advisory(
  t text, y uuid, r uuid, a timestamptz, b timestamptz, k text)
returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext(t), hashtext(r::text));
  if exists (select 1 from guard_bench.held_advisory
    where tenant = t and room = r and status = 'ACTIVE' and starts < b and ends > a) then
    return false;
  end if;
  insert into guard_bench.held_advisory (tenant, type, room, starts, ends, key)
  values (t, y, r, a, b, k);
  return true;
end $$;

create function guard_bench.hold_type(
  t text, y uuid, a timestamptz, b timestamptz, k text, capacity int)
returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext(t), hashtext(y::text));
  if (select count(*) from guard_bench.held_advisory
    where tenant = t and type = y and status = 'ACTIVE' and starts < b and ends > a) >= capacity then
    return false;
  end if;
  insert into guard_bench.held_advisory (tenant, type, starts, ends, key) values (t, y, a, b, k);
  return true;
end $$;`;

const stays = {
  exclude: 'select tenant, room, lower(stay) as a, upper(stay) as b from guard_bench.held_exclude',
  advisory:
    'select tenant, room, starts as a, ends as b from guard_bench.held_advisory where room is not null',
} as const;

const dayMs = 86_400_000;
const firstDayMs = Date.UTC(2031, 0, 1);

export async function createPeerTables(database: Queries): Promise<void> {
  await database.query(setup);
}

/** @param capacity of a type that is wanted without a room. */
export async function holdInPostgres(
  database: Queries,
  method: PeerMethod,
  { wish, capacity }: { readonly wish: Wish; readonly capacity: number },
): Promise<Outcome> {
  const { tenantId, roomTypeId, roomId, night, nights, key } = wish;
  const from = new Date(firstDayMs + night * dayMs);
  const to = new Date(firstDayMs + (night + nights) * dayMs);
  const [text, values] =
    roomId === undefined
      ? typeHold([tenantId, roomTypeId, from, to, key, capacity])
      : roomHold(method, { tenantId, roomTypeId, roomId, from, to, key });
  const { rows } = await database.query(text, values);
  const [row] = rows as readonly { readonly granted: boolean }[];
  return row?.granted === true ? 'LOCKED' : 'CONFLICT';
}

/** Holds that begin before an earlier one of their room has ended. */
export async function peerDoubles(database: Queries, method: PeerMethod): Promise<number> {
  const { rows } = await database.query(
    `select count(*)::int as count from (
       select a, max(b) over (partition by tenant, room order by a
         rows between unbounded preceding and 1 preceding) as earlier from (${stays[method]}) as stay
     ) as held where earlier > a`,
  );
  return (rows as readonly { readonly count: number }[])[0]?.count ?? 0;
}

type Statement = readonly [text: string, values: unknown[]];

function typeHold(values: unknown[]): Statement {
  return ['select guard_bench.hold_type($1, $2, $3, $4, $5, $6) as granted', values];
}

interface RoomHold {
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly roomId: string;
  readonly from: Date;
  readonly to: Date;
  readonly key: string;
}

function roomHold(method: PeerMethod, wanted: RoomHold): Statement {
  const { tenantId, roomTypeId, roomId, from, to, key } = wanted;
  return method === 'exclude'
    ? [
        'select guard_bench.hold_exclude($1, $2, $3, $4, $5) as granted',
        [tenantId, roomId, from, to, key],
      ]
    : [
        'select guard_bench.hold_advisory($1, $2, $3, $4, $5, $6) as granted',
        [tenantId, roomTypeId, roomId, from, to, key],
      ];
}
