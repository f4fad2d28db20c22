/** A small hotel and its callers: few rooms and nights, so that everything meets everything. */
import type { Random } from '../../kernel/random.ts';
import type { LockCommand, ManualRelease, ReleaseCommand } from '../../topology/guard/command.ts';
import type { CatalogueTable } from '../../topology/guard/catalogue-rows.ts';
import type { WorkloadSteps } from './scenario.ts';
import type { Step } from './schedule.ts';

export const guardEventsTopic = 'inventory.events.shadow';
export const tenantId = idOf(1);
export const propertyId = idOf(2);
export const roomTypes = [idOf(10), idOf(20), idOf(30)];
const roomsPerType = 2;
const slots = 7;
const nights = 4;
const byHand: ManualRelease = {
  actor: { id: 'caller', name: 'Caller', email: undefined, tokenId: 'desk' },
  recipients: ['#front'],
};

/** What a caller wants; which lock a release names is known only when it is sent. */
export type GuardCall =
  | {
      readonly do: 'lock';
      readonly slot: string;
      /** Of a reservation's main slot. */
      readonly reservationId?: string;
      readonly roomTypeId: string;
      readonly roomId: string | undefined;
      readonly firstNight: number;
      readonly nights: number;
      readonly ttlSeconds: number;
    }
  | { readonly do: 'release'; readonly slot: string; readonly roomTypeId: string };

export const guardSteps: WorkloadSteps = ({ random, partitions, untilMs }) => [
  ...catalogueSteps(random, partitions, untilMs),
  ...callSteps(random, untilMs),
];

export function roomsOf(roomTypeId: string): readonly string[] {
  const type = Number(roomTypeId.slice(-2));
  return Array.from({ length: roomsPerType }, (_, index) => idOf(type + index + 1));
}

export function roomNumberOf(id: string): string {
  return id.slice(-2);
}

/** Ids of captured rows are UUIDs. */
export function idOf(number: number): string {
  return `00000000-0000-4000-8000-0000000000${String(number).padStart(2, '0')}`;
}

function catalogueSteps(random: Random, partitions: number, untilMs: number): readonly Step[] {
  const steps: Step[] = [];
  const beganMs = random.next() < 0.7 ? 0 : random.integer(5_000);
  let lsn = 1;
  const capture = (table: CatalogueTable, row: Row, options: Captured): Step => {
    lsn += 1;
    const { atMs, snapshot } = options;
    const version = options.lsn ?? lsn;
    const source = { snapshot, lsn: version, sequence: `["${version}","${version}"]` };
    const value = JSON.stringify({ op: 'r', after: row, source });
    const partition = partitionOf(row.id, partitions);
    return {
      ...{ kind: 'input', atMs },
      input: { topic: `platform.public.${table}`, partition, key: row.id, value },
    };
  };
  steps.push(capture('properties', propertyRow(), { atMs: beganMs, snapshot: 'last' }));
  const ids = roomTypes.flatMap(roomsOf);
  for (const [index, id] of ids.entries()) {
    const snapshot = index === ids.length - 1 ? 'last' : 'true';
    const step = capture('rooms', roomRow(id), { atMs: beganMs + index, snapshot });
    steps.push(step);
    // A snapshot that was begun again reads rows once more.
    if (random.next() < 0.3) steps.push({ ...step, atMs: beganMs + random.integer(untilMs) });
  }
  const changes = random.integer(8);
  for (let change = 0; change < changes; change += 1) {
    const id = ids[random.integer(ids.length)] ?? '';
    const atMs = beganMs + 1_000 + random.integer(untilMs - beganMs);
    const row = { ...roomRow(id), is_blocked: random.next() < 0.4 };
    const step = capture('rooms', row, { atMs, snapshot: 'false', lsn: 100 + change });
    steps.push(step);
    if (random.next() < 0.3) steps.push({ ...step, atMs: atMs + random.integer(3_000) });
  }
  return steps.filter(({ atMs }) => atMs < untilMs);
}

interface Row {
  readonly id: string;
}

interface Captured {
  readonly atMs: number;
  readonly snapshot: string;
  /** Undefined: the next. */
  readonly lsn?: number;
}

function propertyRow(): Row {
  const config = { checkInTime: '15:00', checkOutTime: '11:00' };
  return { id: propertyId, ...{ tenant_id: tenantId, timezone: 'Europe/Helsinki', config } };
}

function roomRow(id: string): Row & Readonly<Record<string, unknown>> {
  const roomTypeId = roomTypes.find((type) => roomsOf(type).includes(id));
  const of = { tenant_id: tenantId, property_id: propertyId, room_type_id: roomTypeId };
  return { id, room_number: roomNumberOf(id), ...of };
}

function partitionOf(id: string, partitions: number): number {
  return Number(id.slice(-2)) % partitions;
}

function callSteps(random: Random, untilMs: number): readonly Step[] {
  const steps: Step[] = [];
  const calls = 10 + random.integer(35);
  for (let index = 0; index < calls; index += 1) {
    const slot = `slot-${random.integer(slots)}`;
    const roomTypeId = roomTypes[random.integer(roomTypes.length)] ?? '';
    const room = random.integer(roomsPerType + 1);
    const firstNight = random.integer(nights);
    const call: GuardCall =
      random.next() < 0.25
        ? { do: 'release', slot, roomTypeId }
        : {
            ...{ do: 'lock', slot, roomTypeId, firstNight },
            roomId: roomsOf(roomTypeId)[room - 1],
            nights: 1 + random.integer(2),
            ttlSeconds: random.next() < 0.5 ? 2 + random.integer(8) : 600,
          };
    const atMs = 500 + random.integer(untilMs - 500);
    steps.push({ kind: 'call', atMs, call });
    // The same again, as somebody does who did not get the answer.
    if (random.next() < 0.2) steps.push({ kind: 'call', atMs: atMs + random.integer(4_000), call });
  }
  return steps;
}

export function lockCommand(call: GuardCall & { do: 'lock' }, attemptId: string): LockCommand {
  const { slot, reservationId, roomTypeId, roomId, firstNight, ttlSeconds } = call;
  return {
    ...{ kind: 'lock', tenantId, roomTypeId, roomId, propertyId: undefined },
    ...{ reservationId, idempotencyKey: slot, ttlSeconds, version: undefined },
    stayStart: `2026-05-0${firstNight + 1}`,
    stayEnd: `2026-05-0${firstNight + 1 + call.nights}`,
    ...{ reason: 'SIMULATED', actor: 'caller', correlationId: attemptId, metadata: {} },
  };
}

export function releaseCommand(lockId: string, attemptId: string): ReleaseCommand {
  return {
    ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
    ...{ reason: 'SIMULATED', actor: 'caller', correlationId: attemptId, metadata: {} },
    // Some people tell a person instead of a program.
    ...(/[02468]$/.test(attemptId) ? { manual: byHand } : {}),
  };
}
