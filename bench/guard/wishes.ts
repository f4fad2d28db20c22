/** Who wants what: the shapes of load that the bench compares. */
import { randomUUID } from 'node:crypto';
import type { Wish } from './side.ts';

/** Rooms of one type. */
export interface RoomType {
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly roomIds: readonly string[];
}

export type WishMaker = (index: number) => Wish;

/** A fresh kind of load: no run meets the holds of another. */
export interface LoadKind {
  readonly name: string;
  readonly about: string;
  readonly start: (types: readonly RoomType[], run: number) => WishMaker;
}

/** More than one run of a load can fill. */
const nightsPerRun = 400;
const movesPerSecond = 200;

export const loadKinds: readonly LoadKind[] = [
  {
    name: 'uniform',
    about: 'every wish for a room and night of its own: all are granted',
    start: uniform,
  },
  { name: 'hot', about: 'everyone wants one room on one night: one is granted', start: hot },
  {
    name: 'moving',
    about: 'everyone wants one room, each 5 ms another night: the first of each is granted',
    start: moving,
  },
  { name: 'type', about: 'any room of a type, two nights: half find it full', start: anyOfType },
];

function uniform(types: readonly RoomType[], run: number): WishMaker {
  const places = types
    .slice(1)
    .flatMap(({ tenantId, roomTypeId, roomIds }) =>
      roomIds.map((roomId) => ({ tenantId, roomTypeId, roomId })),
    );
  return (index) => {
    // Neighbours in time are of different types, and so of different partitions.
    const place = places[(index * 7_919) % places.length] ?? missing();
    const night = run * nightsPerRun + Math.floor(index / places.length);
    return { ...place, night, nights: 1, key: randomUUID() };
  };
}

function hot(types: readonly RoomType[], run: number): WishMaker {
  const place = hotPlace(types, run);
  return () => ({ ...place, night: 0, nights: 1, key: randomUUID() });
}

function moving(types: readonly RoomType[], run: number): WishMaker {
  const place = hotPlace(types, run);
  const startedMs = performance.now();
  return () => {
    const night = Math.floor(((performance.now() - startedMs) * movesPerSecond) / 1_000);
    return { ...place, night, nights: 1, key: randomUUID() };
  };
}

function anyOfType(types: readonly RoomType[], run: number): WishMaker {
  const wanted = types.slice(1);
  return (index) => {
    const { tenantId, roomTypeId, roomIds } = wanted[index % wanted.length] ?? missing();
    const turn = Math.floor(index / wanted.length);
    const night = run * nightsPerRun + Math.floor(turn / (roomIds.length * 2)) * 2;
    return { tenantId, roomTypeId, roomId: undefined, night, nights: 2, key: randomUUID() };
  };
}

/** A room of the first type, which no other load uses; another for every run. */
function hotPlace(
  types: readonly RoomType[],
  run: number,
): { readonly tenantId: string; readonly roomTypeId: string; readonly roomId: string } {
  const { tenantId, roomTypeId, roomIds } = types[0] ?? missing();
  return { tenantId, roomTypeId, roomId: roomIds[run % roomIds.length] ?? missing() };
}

function missing(): never {
  throw new Error('there are rooms');
}
