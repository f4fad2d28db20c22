/** What it costs to ask an instance that does not have the task: the same reads of the owner and of another one, in turn. */
import { performance } from 'node:perf_hooks';
import { guardSubTopologies } from '../../topology/guard/guard-topology.ts';
import type { RoomType } from '../guard/wishes.ts';
import { median, rounded } from '../measure.ts';
import type { BenchInstances } from './bench-instances.ts';

export interface HopFigures {
  readonly calls: number;
  readonly directP50Ms: number;
  readonly forwardedP50Ms: number;
  readonly hopP50Ms: number;
}

interface HopOptions {
  readonly instances: BenchInstances;
  readonly types: readonly RoomType[];
  readonly hopCalls: number;
  readonly progress: (line: string) => void;
}

const warmUpCalls = 500;

export async function measureHop({
  instances,
  types,
  hopCalls,
  progress,
}: HopOptions): Promise<HopFigures> {
  const owned = await instances.settled(1);
  const [type] = types;
  const task = `${guardSubTopologies.guard}_0`;
  const owner = [...owned].find(([, tasks]) => tasks.includes(task))?.[0] ?? 1;
  const other = instances.numbers.find((number) => number !== owner) ?? 1;
  const sides = { direct: instances.url(owner), forwarded: instances.url(other) };
  const times: Record<keyof typeof sides, number[]> = { direct: [], forwarded: [] };
  progress(`hop: ${hopCalls} reads of each side`);
  for (let call = 0; call < warmUpCalls + hopCalls; call += 1) {
    // Who is first changes with every pair.
    const order =
      call % 2 === 0 ? (['direct', 'forwarded'] as const) : (['forwarded', 'direct'] as const);
    for (const side of order) {
      const startedMs = performance.now();
      await read(sides[side], type);
      if (call >= warmUpCalls) times[side].push(performance.now() - startedMs);
    }
  }
  const directP50Ms = rounded(median(times.direct));
  const forwardedP50Ms = rounded(median(times.forwarded));
  const hopP50Ms = rounded(forwardedP50Ms - directP50Ms);
  return { calls: hopCalls, directP50Ms, forwardedP50Ms, hopP50Ms };
}

async function read(url: string, type: RoomType | undefined): Promise<void> {
  const query = `roomTypeId=${type?.roomTypeId ?? ''}&from=2031-01-01&to=2031-01-02`;
  const response = await fetch(`${url}/v1/availability?${query}`, {
    headers: { 'x-tenant-id': type?.tenantId ?? '' },
  });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`a read was answered ${response.status}`);
}
