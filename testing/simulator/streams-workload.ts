/**
 * The platform beside the guard's callers: reservations that come to live, change and end, the commands
 * behind them, and commands to the guard itself; heard of late, twice and in any order.
 */
import type { Random } from '../../kernel/random.ts';
import { lockIdOf } from '../../topology/guard/lock-id.ts';
import {
  guardSteps,
  idOf,
  propertyId,
  roomNumberOf,
  roomsOf,
  roomTypes,
  tenantId,
  type GuardCall,
} from './guard-workload.ts';
import type { WorkloadSteps } from './scenario.ts';
import type { Step } from './schedule.ts';

export const commandsTopic = 'commands.primary';
export const serviceId = 'availability-guard-service';
export const reservationsTopic = 'platform.public.reservations';
export const lifecycleTopic = 'platform.public.reservation_command_lifecycle';

/** When the simulated world begins. */
const epochMs = Date.parse('2026-01-01T00:00:00Z');
const reservationIds = [40, 41, 42, 43].map(idOf);
const nights = 4;
/** The longest that anybody holds without confirmation; what is left then stays. */
export const ttlSecondsMax = 25;

/** The row of a reservation, as far as it is read. */
export interface PlatformRow {
  readonly id: string;
  readonly status: string;
  readonly room_type_id: string;
  readonly room_number: string | null;
  readonly check_in_date: string;
  readonly check_out_date: string;
}

export const streamsSteps: WorkloadSteps = (options) => {
  const { random, partitions, untilMs } = options;
  const draw = { random, partitions, untilMs };
  return [
    ...guardSteps(options),
    ...reservationIds.flatMap((id, at) => reservationSteps(draw, id, 1_000 * (at + 1))),
    ...commandSteps(draw),
    // Nothing that the platform has written is never heard of.
  ].map((step) => ({ ...step, atMs: Math.min(step.atMs, untilMs - 1) }));
};

interface Draw {
  readonly random: Random;
  readonly partitions: number;
  readonly untilMs: number;
}

interface Stay {
  readonly roomTypeId: string;
  readonly firstNight: number;
  readonly nights: number;
}

function anyStay(random: Random): Stay {
  return {
    roomTypeId: roomTypes[random.integer(roomTypes.length)] ?? '',
    firstNight: random.integer(nights),
    nights: 1 + random.integer(2),
  };
}

const dateOf = (night: number): string => `2026-05-0${night + 1}`;

/** Mostly a client asks first; then the platform writes; now and then it writes only. */
function reservationSteps(draw: Draw, id: string, firstLsn: number): readonly Step[] {
  const { random, untilMs } = draw;
  const steps: Step[] = [];
  let lsn = firstLsn;
  let atMs = 500 + random.integer(untilMs - 500);
  let stay = anyStay(random);
  const changes = 1 + random.integer(4);
  for (let change = 0; change < changes; change += 1) {
    const isLast = change === changes - 1;
    const isEnd = isLast && random.next() < 0.6;
    if (!isEnd) {
      if (change > 0 && random.next() < 0.7) stay = anyStay(random);
      if (random.next() < 0.6) {
        steps.push({
          kind: 'call',
          atMs: atMs - random.integer(400),
          call: callFor(random, id, stay),
        });
      }
    }
    lsn += 1;
    const status = isEnd ? 'CANCELLED' : 'CONFIRMED';
    const row = rowStep(draw, { id, lsn, atMs, status, stay });
    steps.push(row);
    // Read once more, by whoever reads tables.
    if (random.next() < 0.3) steps.push({ ...row, atMs: atMs + random.integer(3_000) });
    if (random.next() < 0.6) {
      const commandName = isEnd ? 'reservation.cancel' : 'reservation.modify';
      const isDead = !isEnd && random.next() < 0.1;
      steps.push(lifecycleStep(draw, { id, lsn, atMs, commandName, isDead }));
    }
    atMs += 50 + random.integer(6_000);
  }
  return steps;
}

function callFor(random: Random, id: string, stay: Stay): GuardCall {
  const { roomTypeId, firstNight, nights: count } = stay;
  return {
    ...{ do: 'lock', slot: id, reservationId: id, roomTypeId, firstNight, nights: count },
    roomId: undefined,
    ttlSeconds: random.next() < 0.5 ? 2 + random.integer(8) : ttlSecondsMax,
  };
}

interface Written {
  readonly id: string;
  readonly lsn: number;
  readonly atMs: number;
}

function rowStep(
  { random, partitions }: Draw,
  { id, lsn, atMs, status, stay }: Written & { readonly status: string; readonly stay: Stay },
): Step {
  const writtenMicros = (epochMs + atMs) * 1_000;
  const after = {
    ...{ id, tenant_id: tenantId, property_id: propertyId, room_type_id: stay.roomTypeId, status },
    ...{ check_in_date: dateOf(stay.firstNight), is_deleted: false },
    room_number: assignedRoom(stay, lsn),
    check_out_date: dateOf(stay.firstNight + stay.nights),
    ...{ created_at: writtenMicros, updated_at: writtenMicros },
  };
  return captured(reservationsTopic, after, {
    partitions,
    lsn,
    atMs: atMs + random.integer(2_000),
  });
}

/** Mostly none. */
function assignedRoom({ roomTypeId, firstNight }: Stay, lsn: number): string | null {
  const rooms = roomsOf(roomTypeId);
  return (lsn + firstNight) % 10 < 3 ? roomNumberOf(rooms[lsn % rooms.length] ?? '') : null;
}

function lifecycleStep(
  { random, partitions }: Draw,
  row: Written & { readonly commandName: string; readonly isDead: boolean },
): Step {
  const { id, lsn, atMs, commandName, isDead } = row;
  const at = new Date(epochMs + atMs).toISOString();
  const state = isDead ? 'DLQ' : 'APPLIED';
  const after = {
    ...{ event_id: idOf(50), tenant_id: tenantId, reservation_id: id, command_name: commandName },
    ...{ current_state: state, state_transitions: [{ state, timestamp: at }] },
    ...{ created_at: at, updated_at: at },
    id: `${id.slice(0, -6)}${String(lsn).padStart(6, '0')}`,
  };
  const event = { ...after, event_id: after.id };
  return captured(lifecycleTopic, event, { partitions, lsn, atMs: atMs + random.integer(2_000) });
}

function captured(
  topic: string,
  after: { readonly id: string },
  { partitions, lsn, atMs }: { partitions: number; lsn: number; atMs: number },
): Step {
  const source = { snapshot: 'false', lsn, sequence: `["${lsn}","${lsn}"]` };
  const value = JSON.stringify({ op: 'u', after, source });
  // By reservation, as a table's key would have it.
  const partition = Number(after.id.slice(-2)) % partitions;
  return { kind: 'input', atMs, input: { topic, partition, key: after.id, value } };
}

function commandSteps({ random, partitions, untilMs }: Draw): readonly Step[] {
  const steps: Step[] = [];
  const commands = random.integer(10);
  for (let command = 0; command < commands; command += 1) {
    const atMs = 500 + random.integer(untilMs - 500);
    const value = anyCommand(random, `command-${random.integer(6)}`, atMs);
    const partition = random.integer(partitions);
    const input = { topic: commandsTopic, partition, key: `request-${command}`, value };
    steps.push({ kind: 'input', atMs, input });
    if (random.next() < 0.3)
      steps.push({ kind: 'input', atMs: atMs + random.integer(3_000), input });
  }
  return steps;
}

function anyCommand(random: Random, commandId: string, atMs: number): string {
  const { roomTypeId, firstNight, nights: count } = anyStay(random);
  const key = `slot-${random.integer(3)}`;
  const drawn = random.next();
  if (drawn < 0.1) return `{ poison ${commandId}`;
  const isLate = random.next() < 0.15;
  const metadata = {
    ...{ commandId, tenantId, correlationId: commandId },
    targetService: drawn < 0.2 ? 'billing-service' : serviceId,
    issuedAt: new Date(epochMs + atMs - (isLate ? 10 ** 9 : 0)).toISOString(),
  };
  if (drawn < 0.7) {
    const stay = { stayStart: dateOf(firstNight), stayEnd: dateOf(firstNight + count) };
    const payload = {
      roomTypeId,
      idempotencyKey: key,
      ...stay,
      ttlSeconds: ttlSecondsMax,
      reason: 'SIMULATED',
    };
    return JSON.stringify({
      metadata: { ...metadata, commandName: 'inventory.lock.room' },
      payload,
    });
  }
  // The first lock of that name, whether it was ever granted or not.
  const lockId = lockIdOf({ tenantId, roomTypeId, slot: `key:${key}`, generation: 1 });
  const isBulk = drawn > 0.85;
  const commandName = isBulk ? 'inventory.release.bulk' : 'inventory.release.room';
  const payload = isBulk ? { lockIds: [lockId], reason: 'r' } : { lockId, reason: 'r' };
  return JSON.stringify({ metadata: { ...metadata, commandName }, payload });
}
