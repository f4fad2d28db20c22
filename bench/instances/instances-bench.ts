/**
 * Several instances: how long calls wait when one is killed, restarted or added, and what a hop costs.
 * Callers ask any instance that runs, again with the same key until they are answered.
 */
import { partitionFor } from '../../kernel/murmur2.ts';
import type { Clock } from '../../kernel/clock.ts';
import { chooseFreePorts } from '../../tools/stack/ports.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { guardApplicationId } from '../../topology/guard/guard-names.ts';
import { guardSubTopologies } from '../../topology/guard/guard-topology.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';
import { benchPort } from '../bench-broker.ts';
import { createBenchRooms, untilCaptured } from '../guard/bench-rooms.ts';
import type { RoomType } from '../guard/wishes.ts';
import { percentile } from '../measure.ts';
import { BenchInstances } from './bench-instances.ts';
import { measureHop, type HopFigures } from './hop.ts';
import { LockProbe, type Granted } from './lock-probe.ts';
import { StreamProbe, type Fed, type StreamProbeOptions } from './stream-probe.ts';

export interface InstancesBenchOptions {
  readonly kills: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly hopCalls: number;
  readonly system: Omit<SystemOptions, 'settings'>;
}

export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface InstancesBenchReport {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** From kill -9 to the first grant of each partition that the killed one had. */
  readonly takeOver: Spread;
  /** The longest time without a grant of each partition that another one had. */
  readonly unaffected: Spread;
  /** The same of records: without a commit, of tasks that read what other systems write. */
  readonly sourceFed: Spread;
  /** And of those that read what tasks write, also the killed one's: its open transaction ends with its session. */
  readonly repartitionFed: Spread;
  readonly rollingRestart: {
    readonly movedTasks: readonly string[];
    /** Calls that were not answered at all in spite of being asked again. */
    readonly failedCalls: number;
    readonly calls: number;
    readonly longestCallMs: number;
  };
  /** The longest time without a grant of each partition that moved to a new instance, and of the others. */
  readonly scaleOut: { readonly moved: Spread; readonly stayed: Spread };
  readonly hop: HopFigures;
}

const partitions = 4;
const typeCount = 17;
const roomsPerType = 50;
const standbys = { NUM_STANDBY_REPLICAS: '1' };
const applicationId = guardApplicationId({ KAFKA_CONSUMER_GROUP_SUFFIX: '-shadow' });
/** A task moves when its state is there, however small it is. */
const alone = { NUM_STANDBY_REPLICAS: '0', ACCEPTABLE_RECOVERY_LAG: '200' };
/** Which tasks of the guard read what commands go through. */
const fedTasks: Readonly<Record<Fed, string>> = {
  source: guardSubTopologies.commands,
  repartition: guardSubTopologies.guard,
};
/** Before a fault, and after everyone is there again. */
const calmMs = 2_000;

export async function runInstancesBench(
  options: InstancesBenchOptions,
): Promise<InstancesBenchReport> {
  const { system: systemOptions, sessionTimeoutMs, heartbeatIntervalMs } = options;
  const { clock, signal, progress } = systemOptions;
  const settings = {
    ...{ ROLLGUARD_SERVICES: 'guard', ROLLGUARD_PARTITIONS: String(partitions) },
    SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
    HEARTBEAT_INTERVAL_MS: String(heartbeatIntervalMs),
  };
  const system = await startSystem({ ...systemOptions, settings });
  const ports = await chooseFreePorts(['1', '2', '3']);
  const instances = new BenchInstances({ system, clock, signal, ports });
  const brokers = system.stack.endpoints.kafkaBrokers.split(',');
  const port = benchPort({ clock }, { brokers, clientId: 'bench' });
  try {
    const types = await roomTypes(system, systemOptions);
    await system.application.stop();
    const stream = { brokers, port, applicationId };
    const run: Run = { ...options, instances, types, clock, progress, stream };
    const scaleOut = await scaledOut(run);
    const pauses = await killed(run);
    const hop = await measureHop(run);
    await instances.stopAll();
    const rollingRestart = await restarted(run);
    return {
      ...{ sessionTimeoutMs, heartbeatIntervalMs, ...pauses },
      ...{ rollingRestart, scaleOut, hop },
    };
  } finally {
    await instances.stopAll();
    await port.close();
    await system.stop();
  }
}

export interface Run extends InstancesBenchOptions {
  readonly instances: BenchInstances;
  /** One for each partition, in their order. */
  readonly types: readonly RoomType[];
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly stream: Omit<StreamProbeOptions, 'types' | 'clock'>;
}

async function roomTypes(
  system: System,
  { clock, signal, progress }: Omit<SystemOptions, 'settings'>,
): Promise<readonly RoomType[]> {
  const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
  await chainWorkload({ seed: Math.floor(clock.nowMs()), days: 1 }).feed({
    ...{ databaseUrl, clock, progress: () => undefined, signal },
  });
  await system.application.ready(signal);
  const types = await createBenchRooms(databaseUrl, { typeCount, roomsPerType });
  progress(`rooms: waiting for ${typeCount * roomsPerType} to be captured`);
  await untilCaptured(system.application.url, types, signal);
  const byPartition = new Map(
    types.map((type) => [partitionFor(Buffer.from(partitionKeyOf(type)), partitions), type]),
  );
  return [...byPartition].toSorted(([one], [other]) => one - other).map(([, type]) => type);
}

/** Callers of every partition, while something happens. */
async function probed(
  { types, clock, instances }: Run,
  isUsable: (number: number) => boolean,
  work: (probes: readonly LockProbe[]) => Promise<void>,
): Promise<readonly LockProbe[]> {
  let turn = 0;
  const url = (): string | undefined => {
    const usable = instances.numbers.filter(isUsable);
    turn += 1;
    const number = usable[turn % usable.length];
    return number === undefined ? undefined : instances.url(number);
  };
  const probes = types.map((type) => new LockProbe({ type, url, clock }));
  for (const probe of probes) probe.start();
  await clock.sleep(calmMs);
  await work(probes);
  await Promise.all(probes.map((probe) => probe.stop()));
  return probes;
}

async function scaledOut(run: Run): Promise<InstancesBenchReport['scaleOut']> {
  const { instances, clock, progress } = run;
  const [moved, stayed]: [number[], number[]] = [[], []];
  instances.start(1, alone);
  await instances.settled(0);
  let [startedMs, endedMs] = [0, 0];
  const probes = await probed(
    run,
    (number) => number === 1,
    async () => {
      startedMs = clock.monotonicMs();
      instances.start(2, alone);
      await instances.settled(0);
      endedMs = clock.monotonicMs();
    },
  );
  const owned = await instances.settled(0);
  for (const [partition, probe] of probes.entries()) {
    const isMoved = owned.get(2)?.includes(`${guardSubTopologies.guard}_${partition}`) === true;
    const pauseMs = probe.longestPauseMs(startedMs, endedMs);
    (isMoved ? moved : stayed).push(pauseMs);
  }
  progress(
    `scale out: moved ${moved.map(Math.round).join()} ms, stayed ${stayed.map(Math.round).join()} ms`,
  );
  await instances.stopAll();
  return { moved: spread(moved), stayed: spread(stayed) };
}

type Pauses = Pick<
  InstancesBenchReport,
  'takeOver' | 'unaffected' | 'sourceFed' | 'repartitionFed'
>;

async function killed(run: Run): Promise<Pauses> {
  const { instances, clock, progress, kills, stream } = run;
  const [takeOver, unaffected]: [number[], number[]] = [[], []];
  const fed = { source: [] as number[], repartition: [] as number[] };
  for (const number of [1, 2, 3]) instances.start(number, standbys);
  await instances.settled(1);
  const commands = await StreamProbe.start({ ...stream, types: run.types, clock });
  for (let kill = 0; kill < kills; kill += 1) {
    const owned = await instances.settled(1);
    const victim = instances.numbers[kill % instances.numbers.length] ?? 1;
    let [killedMs, endedMs] = [0, 0];
    const probes = await probed(
      run,
      (number) => number !== victim,
      async (running) => {
        killedMs = clock.monotonicMs();
        await instances.kill(victim);
        await untilGranted(running, killedMs, clock);
        await clock.sleep(calmMs);
        endedMs = clock.monotonicMs();
      },
    );
    const lost = new Set(owned.get(victim));
    for (const [partition, probe] of probes.entries()) {
      if (lost.has(`${guardSubTopologies.guard}_${partition}`)) {
        takeOver.push(firstAfter(probe.grants, killedMs) - killedMs);
      } else {
        unaffected.push(probe.longestPauseMs(killedMs, endedMs));
      }
      for (const [kind, subTopology] of Object.entries(fedTasks) as [Fed, string][]) {
        if (lost.has(`${subTopology}_${partition}`)) continue;
        fed[kind].push(commands.longestPauseMs(kind, partition, killedMs, endedMs));
      }
    }
    progress(`kill ${kill + 1} of ${kills}: take-over ${Math.round(takeOver.at(-1) ?? 0)} ms`);
    instances.start(victim, standbys);
  }
  await instances.settled(1);
  await commands.stop();
  return {
    ...{ takeOver: spread(takeOver), unaffected: spread(unaffected) },
    ...{ sourceFed: spread(fed.source), repartitionFed: spread(fed.repartition) },
  };
}

/** Of static members, one after the other, each within its session. */
async function restarted(run: Run): Promise<InstancesBenchReport['rollingRestart']> {
  const { instances, progress } = run;
  const asStatic = (number: number): Record<string, string> => ({
    ...standbys,
    ...{ GROUP_INSTANCE_ID: `bench-${number}`, SESSION_TIMEOUT_MS: '45000' },
    HEARTBEAT_INTERVAL_MS: '3000',
  });
  for (const number of [1, 2, 3]) instances.start(number, asStatic(number));
  const before = await instances.settled(1);
  const probes = await probed(
    run,
    () => true,
    async () => {
      for (const number of [1, 2, 3]) {
        await instances.stop(number);
        instances.start(number, asStatic(number));
        await instances.settled(1);
        progress(`rolling restart: ${number} of 3`);
      }
    },
  );
  const after = await instances.settled(1);
  const movedTasks = [...before].flatMap(([number, tasks]) =>
    tasks.filter((task) => after.get(number)?.includes(task) !== true),
  );
  const grants = probes.flatMap((probe) => probe.grants);
  const waits = grants.map(({ askedMs, grantedMs }) => grantedMs - askedMs);
  return {
    movedTasks,
    // A probe asks until it is answered; one that never was would not have ended.
    failedCalls: waits.filter((ms) => ms > 45_000).length,
    calls: grants.length,
    longestCallMs: Math.round(Math.max(0, ...waits)),
  };
}

async function untilGranted(
  probes: readonly LockProbe[],
  sinceMs: number,
  clock: Clock,
): Promise<void> {
  const untilMs = clock.monotonicMs() + 60_000;
  const waits = (): boolean =>
    probes.some(({ grants }) => !Number.isFinite(firstAfter(grants, sinceMs)));
  while (waits() && clock.monotonicMs() < untilMs) await clock.sleep(50);
}

function firstAfter(grants: readonly Granted[], sinceMs: number): number {
  return grants.find(({ askedMs }) => askedMs >= sinceMs)?.grantedMs ?? Infinity;
}

function spread(values: readonly number[]): Spread {
  const at = (percent: number): number => Math.round(percentile(values, percent));
  return { count: values.length, p50Ms: at(50), p99Ms: at(99), maxMs: at(100) };
}
