/**
 * The guard beside Postgres: one stack, every load put to each side in turn, so that what the machine
 * does meanwhile meets all of them alike.
 */
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import { createBenchRooms, untilCaptured } from './bench-rooms.ts';
import { closedLoop, openLoop, type LoadFigures, type LoadOptions } from './load.ts';
import { createPeerTables, peerMethods } from './postgres-locks.ts';
import type { Side } from './side.ts';
import { frontAlone, guardSide, postgresBehindGrpc, postgresSide } from './sides.ts';
import type { LoadKind, RoomType } from './wishes.ts';

export interface GuardBenchOptions {
  readonly kinds: readonly LoadKind[];
  readonly isWanted: (side: string) => boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Arrivals a second of open loops. */
  readonly rates: readonly number[];
  /** Of closed loops. */
  readonly callers: readonly number[];
  readonly partitions: number;
  readonly connections: number;
  readonly system: Omit<SystemOptions, 'settings'>;
}

export interface RunFigures {
  readonly load: string;
  /** `open 1000/s` or `256 callers`. */
  readonly mode: string;
  readonly side: string;
  readonly figures: LoadFigures;
}

export interface GuardBenchReport {
  readonly partitions: number;
  readonly connections: number;
  readonly loadGenerator: string;
  readonly runs: readonly RunFigures[];
  readonly doubleBookings: readonly { readonly side: string; readonly count: number }[];
}

const typeCount = 17;
const roomsPerType = 50;
const warmUpCallers = 64;
const loadGenerator =
  'load generator: bench/guard/lean-client.ts (gRPC frames by hand, 2 connections) and pg, one process';

export async function runGuardBench(options: GuardBenchOptions): Promise<GuardBenchReport> {
  const { partitions, connections, system: systemOptions } = options;
  const { progress, signal } = systemOptions;
  const settings = { ROLLGUARD_SERVICES: 'guard', ROLLGUARD_PARTITIONS: String(partitions) };
  const system = await startSystem({ ...systemOptions, settings });
  const sides: Side[] = [];
  try {
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    await chainWorkload({ seed: Math.floor(systemClock.nowMs()), days: 1 }).feed({
      ...{ databaseUrl, clock: systemClock, progress: () => undefined, signal },
    });
    await system.application.ready(signal);
    const types = await createBenchRooms(databaseUrl, { typeCount, roomsPerType });
    sides.push(...(await openSides(system, types, options)));
    progress(`rooms: waiting for ${typeCount * roomsPerType} to be captured`);
    await untilCaptured(system.application.url, types, signal);
    const runs = await runAll(sides, types, options);
    progress('double bookings: looking for them');
    const doubleBookings = [];
    for (const side of sides) {
      const count = await side.doubleBookings();
      if (count !== undefined) doubleBookings.push({ side: side.name, count });
    }
    return { partitions, connections, loadGenerator, runs, doubleBookings };
  } finally {
    await Promise.all(sides.map((side) => side.close()));
    await system.stop();
  }
}

async function openSides(
  system: System,
  types: readonly RoomType[],
  { isWanted, connections }: GuardBenchOptions,
): Promise<Side[]> {
  const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
  const sides: Side[] = [];
  if (isWanted('rollguard')) sides.push(guardSide(system, types));
  if (isWanted('front alone')) sides.push(await frontAlone(databaseUrl));
  const postgresPid = system.stack.parts.find(({ name }) => name === 'postgres')?.pid ?? 0;
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await createPeerTables(client).finally(() => client.end());
  for (const method of peerMethods) {
    const peer = { databaseUrl, method, connections, capacity: roomsPerType, postgresPid };
    if (isWanted(`postgres ${method}`)) sides.push(postgresSide(peer));
    if (isWanted(`postgres ${method} behind grpc`)) sides.push(await postgresBehindGrpc(peer));
  }
  return sides;
}

async function runAll(
  sides: readonly Side[],
  types: readonly RoomType[],
  options: GuardBenchOptions,
): Promise<readonly RunFigures[]> {
  const { kinds, seconds, warmUpSeconds, rates, callers, system } = options;
  const { progress, signal } = system;
  const runs: RunFigures[] = [];
  let run = 0;
  const measure = async (
    { kind, mode, side }: { kind: LoadKind; mode: string; side: Side },
    loop: (load: LoadOptions) => Promise<LoadFigures>,
  ): Promise<void> => {
    // An exclusion constraint does not count.
    if (kind.name === 'type' && side.name.startsWith('postgres exclude')) return;
    signal.throwIfAborted();
    run += 1;
    const figures = await loop({ side, seconds, signal, wish: kind.start(types, run) });
    runs.push({ load: kind.name, mode, side: side.name, figures });
    progress(`${kind.name}, ${mode}, ${side.name}: ${figures.callsPerSecond}/s`);
  };
  for (const side of sides) {
    for (const kind of kinds) {
      run += 1;
      progress(`warming up ${side.name}: ${kind.name}`);
      const share = Math.max(1, warmUpSeconds / kinds.length);
      await closedLoop(warmUpCallers, {
        side,
        seconds: share,
        signal,
        wish: kind.start(types, run),
      });
    }
  }
  for (const kind of kinds) {
    for (const rate of rates) {
      const mode = `open ${rate}/s`;
      for (const side of sides) await measure({ kind, mode, side }, (load) => openLoop(rate, load));
    }
    for (const count of callers) {
      const mode = `${count} callers`;
      for (const side of sides)
        await measure({ kind, mode, side }, (load) => closedLoop(count, load));
    }
  }
  return runs;
}
