/** What the tests of capture look at: the ledgers by HTTP, a row's records in Kafka, the database. */
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import type { System } from '../../tools/start/system.ts';
import type { Workload } from '../../tools/start/workload.ts';
import { portOn, systemOptions } from './test-system.ts';

const waitMs = 60_000;
const pollMs = 250;

export interface Entry {
  readonly rollType: string;
  readonly lifecycleEventId: string;
  readonly amountMinor: number;
}

const hotelDay = (column: string): string =>
  `(${column} AT TIME ZONE 'UTC' AT TIME ZONE timezone - interval '3 hours 1 microsecond')::date`;

/** SQL over reservations and properties: the nights whose end, 03:00 by the property's clock, the guest slept through. */
export const nightsSlept = `${hotelDay('actual_check_out')} - ${hotelDay('actual_check_in')}`;

/** Asks until the answer is as wanted or a minute has passed; then the last answer. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  isAsWanted: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadlineMs = systemClock.monotonicMs() + waitMs;
  for (;;) {
    const answer = await ask();
    if (isAsWanted(answer) || systemClock.monotonicMs() > deadlineMs) return answer;
    await systemClock.sleep(pollMs);
  }
}

/** In words, what the ledgers say and the workload does not; empty once everything has arrived. */
export function differences(system: System, workload: Workload): Promise<readonly string[]> {
  const ask = async (): Promise<readonly string[]> => {
    const found = await compareWithApi(system.application.url, workload).catch(() => undefined);
    return found?.differences ?? ['no answer'];
  };
  return eventually(ask, (found) => found.length === 0);
}

export function feed(system: System, workload: Workload): Promise<number> {
  return workload.feed({
    databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
    clock: systemClock,
    progress: () => undefined,
    signal: systemOptions.signal,
  });
}

/** Undefined: nothing is known of this reservation. */
export async function ledgerOf(
  system: System,
  reservation: { readonly tenant_id: string; readonly id: string },
): Promise<readonly Entry[] | undefined> {
  const response = await fetch(`${system.application.url}/v1/ledgers/${reservation.id}`, {
    headers: { 'x-tenant-id': reservation.tenant_id },
  });
  if (!response.ok) return undefined;
  return ((await response.json()) as { entries: Entry[] }).entries;
}

export async function query<Row extends pg.QueryResultRow>(
  system: System,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const connectionString = system.stack.endpoints.platformAdminDatabaseUrl;
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** A row's records so far, in their order; keys are Avro, in which an id stands as it is. */
export async function recordsOf(
  system: System,
  table: string,
  id: string,
): Promise<readonly FetchedRecord[]> {
  const port = portOn(system.stack, 'capture-test');
  const topic = `platform.public.${table}`;
  try {
    const [description] = await port.admin.describeTopics([topic]);
    const partitions = Array.from({ length: description?.partitionCount ?? 0 }, (_, partition) => ({
      topic,
      partition,
    }));
    const ends = await port.admin.listOffsets(partitions, 'stable');
    const reader = port.openReader();
    reader.assign(partitions.map((partition) => ({ ...partition, offset: 0 })));
    const found: FetchedRecord[] = [];
    const left = new Map(ends.map(({ partition, offset }) => [partition, offset]));
    while (left.size > 0) {
      for (const { partition, nextOffset, records } of await reader.poll(pollMs)) {
        if (nextOffset >= (left.get(partition) ?? 0)) left.delete(partition);
        found.push(...[...records].filter(({ key }) => key?.includes(id) === true));
      }
      for (const [partition, end] of left) if (end === 0) left.delete(partition);
    }
    await reader.close();
    return found;
  } finally {
    await port.close();
  }
}

/** Kills a part of the stack and waits until it is gone. */
export async function kill(
  system: System,
  name: 'connect' | 'postgres',
  signal: NodeJS.Signals,
): Promise<void> {
  const part = system.stack.parts.find((each) => each.name === name);
  if (part === undefined) return;
  process.kill(part.pid, signal);
  await eventually(
    () => Promise.resolve(isGone(part.pid)),
    (gone) => gone,
  );
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
