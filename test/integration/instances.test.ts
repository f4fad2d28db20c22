/** Two instances on the real stack: either answers for what the other one owns. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { partitionOfLock } from '../../topology/guard/lock-id.ts';
import type { ApplicationProcess } from '../../tools/start/application-process.ts';
import { instanceSettings } from '../../tools/faults/instance-settings.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import { createRooms, type SampleType } from '../../tools/load/sample-rooms.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 180_000;
const tenantId = '00000000-0000-4000-8000-000000000001';
const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs() / 1_000), days: 3 });

describe('two instances', () => {
  let system: System;
  let second: ApplicationProcess;
  let types: readonly SampleType[];

  beforeAll(async () => {
    // Each follows what the other one runs.
    system = await startSystem({ ...systemOptions, settings: instanceSettings });
    const { signal } = systemOptions;
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    types = await Promise.all(Array.from({ length: 8 }, () => createRooms(databaseUrl, 2)));
    await system.application.ready(signal);
    second = system.startBeside('second');
    await untilReady(system.application, second);
  }, timeoutMs);

  afterAll(async () => {
    await second.stop();
    await system.stop();
  }, timeoutMs);

  test(
    'take any call: a hold that one of them granted is released through the other',
    async () => {
      const granted: unknown[] = [];
      for (const type of types) {
        const lock = await lockAt(system.application, type);
        granted.push(lock);
        const seen = await ask(second, 'GET', `/v1/locks/${lock.lockId}`, type.tenantId);
        const released = await ask(second, 'DELETE', `/v1/locks/${lock.lockId}`, type.tenantId, {
          reason: 'the other one says so',
        });

        expect(seen).toMatchObject({ status: 200, body: { lockId: lock.lockId } });
        expect(released).toMatchObject({ status: 200, body: { lock: { status: 'RELEASED' } } });
      }
      expect(granted).toHaveLength(types.length);
    },
    timeoutMs,
  );

  test(
    'answer for every ledger, each of them',
    async () => {
      for (const { url } of [system.application, second]) {
        const { differences } = await untilEqual(url);

        expect(differences).toEqual([]);
      }
    },
    timeoutMs,
  );

  test(
    'answer another tenant on every route as if what it names did not exist',
    async () => {
      const [type] = types;
      const { lockId } = await lockAt(system.application, type!);
      const stranger = '00000000-0000-4000-8000-0000000000ff';
      const nowhere = { ...type!, roomTypeId: '00000000-0000-4000-8000-0000000000fe' };
      const nobodys = `${lockId.slice(0, -4)}ffff`;
      const asked = async (id: string, of: SampleType): Promise<readonly Answer[]> => {
        const at = (route: string): Promise<Answer> => ask(second, 'GET', route, stranger);
        const reason = { reason: 'not mine' };
        return [
          await at(`/v1/locks/${id}`),
          await ask(second, 'DELETE', `/v1/locks/${id}`, stranger, reason),
          await ask(second, 'POST', '/v1/locks/bulk-release', stranger, {
            ...reason,
            lockIds: [id],
          }),
          await at(`/v1/locks?roomTypeId=${of.roomTypeId}`),
          await at(`/v1/locks?roomId=${of.roomIds[0]}`),
          await at(`/v1/locks/${id}/audit`),
          await ask(second, 'POST', `/v1/locks/${id}/manual-release`, stranger, {
            ...{ ...reason, tenantId: stranger, actorId: 'a', actorName: 'A' },
          }),
        ];
      };
      const told = (answers: readonly Answer[], id: string): string =>
        JSON.stringify(answers).replaceAll(id, 'the id');

      expect(told(await asked(lockId, type!), lockId)).toBe(
        told(await asked(nobodys, nowhere), nobodys),
      );
      expect((await ask(second, 'GET', `/v1/locks/${lockId}`, type!.tenantId)).status).toBe(200);
    },
    timeoutMs,
  );

  test(
    'tell where every task runs, and how far it is, both the same',
    async () => {
      const told = await Promise.all(
        [system.application, second].map((each) => ask(each, 'GET', '/v1/partitions', tenantId)),
      );
      const [first, other] = told.map(({ body }) => (body as Partitions).services);
      const owners = (services = first): readonly string[] =>
        (services ?? []).flatMap(({ tasks }) =>
          tasks.map(({ task, owner, status }) => `${task} ${owner} ${status}`),
        );

      expect(owners(first)).toEqual(owners(other));
      expect(owners().filter((line) => !line.endsWith(' running'))).toEqual([]);
      for (const { grpcAddress } of [system.application, second]) {
        expect(owners().some((line) => line.includes(grpcAddress))).toBe(true);
      }
    },
    timeoutMs,
  );

  test(
    'of which one is killed: the other takes every call once the group has noticed',
    async () => {
      const reservationId = randomUUID();
      const held = await Promise.all(
        types.map((type, room) =>
          lockAt(second, type, { reservationId, idempotencyKey: `${reservationId}/${room + 1}` }),
        ),
      );
      const { dead, survivors } = await guardPartitions(second, system.application.grpcAddress);
      const properties = await totalsOf(second, system.stack.endpoints.platformAdminDatabaseUrl);
      await system.application.kill();
      // Before the group has noticed.
      await expectStandbyReads(second, properties);
      await expectPartial(second, { reservationId, dead, held, survivors });
      const seen = await Promise.all(
        held.map(({ lockId }, at) => untilAnswered(second, lockId, types[at]?.tenantId ?? '')),
      );

      expect(seen.every((statuses) => statuses.at(-1) === 200)).toBe(true);
      // Until then it says that it cannot know, and nothing else.
      expect(new Set(seen.flat())).toEqual(new Set([200, 503]));
      system.startApplication();
    },
    timeoutMs,
  );
});

async function untilReady(...instances: readonly ApplicationProcess[]): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + 90_000;
  let calm = 0;
  // A rebalance begins a moment after a new member has come.
  while (calm < 8) {
    await systemClock.sleep(250);
    const answers = await Promise.all(
      instances.map(({ url }) =>
        fetch(`${url}/health/readiness`).then(
          ({ ok }) => ok,
          () => false,
        ),
      ),
    );
    calm = answers.every(Boolean) ? calm + 1 : 0;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error('the instances do not get ready');
  }
}

/** The answers to one question, up to the first that is one. */
async function untilAnswered(
  instance: ApplicationProcess,
  lockId: string,
  tenantId: string,
): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 120 && statuses.at(-1) !== 200; attempt += 1) {
    if (attempt > 0) await systemClock.sleep(500);
    statuses.push((await ask(instance, 'GET', `/v1/locks/${lockId}`, tenantId)).status);
  }
  return statuses;
}

async function untilEqual(url: string): ReturnType<typeof compareWithApi> {
  const deadlineMs = systemClock.monotonicMs() + 60_000;
  for (;;) {
    const compared = await compareWithApi(url, workload).catch(() => undefined);
    const isOver = systemClock.monotonicMs() > deadlineMs;
    if (compared !== undefined && (compared.differences.length === 0 || isOver)) return compared;
    if (isOver) throw new Error(`${url} does not answer`);
    await systemClock.sleep(500);
  }
}

interface PropertyRead {
  readonly tenantId: string;
  readonly route: string;
  readonly position: string;
}

/** Every property's days, and the position that the owner told of each. */
async function totalsOf(
  instance: ApplicationProcess,
  databaseUrl: string,
): Promise<readonly PropertyRead[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const found = await client
    .query<{ tenant_id: string; id: string }>('SELECT tenant_id, id FROM properties')
    .finally(() => client.end());
  return Promise.all(
    found.rows.map(async ({ tenant_id: tenant, id }) => {
      const route = `/v1/ledgers?propertyId=${id}&from=2026-01-01&to=2027-12-31`;
      const { headers } = await fetch(`${instance.url}${route}`, {
        headers: { 'x-tenant-id': tenant },
      });
      expect(headers.get('x-rollguard-standby-lag')).toBeNull();
      return { tenantId: tenant, route, position: headers.get('x-rollguard-position') ?? '' };
    }),
  );
}

/** With an owner down: what a standby has is answered, as new as what was seen before, and it tells its lag. */
async function expectStandbyReads(
  instance: ApplicationProcess,
  reads: readonly PropertyRead[],
): Promise<void> {
  const lags: (string | null)[] = [];
  for (const { tenantId: tenant, route, position } of reads) {
    const headers = { 'x-tenant-id': tenant, 'x-rollguard-min-position': position };
    const allowing = { ...headers, 'x-rollguard-allow-standby': 'true' };
    const answer = await fetch(`${instance.url}${route}`, { headers: allowing });
    const [partition, offset = 0] = (answer.headers.get('x-rollguard-position') ?? '').split(':');
    const [wantedPartition, wantedOffset = 0] = position.split(':');
    lags.push(answer.headers.get('x-rollguard-standby-lag'));

    expect(answer.status).toBe(200);
    expect(partition).toBe(wantedPartition);
    // An owner counts no marker behind its last record.
    expect(Number(offset) + 1).toBeGreaterThanOrEqual(Number(wantedOffset));
    if (lags.at(-1) !== null) {
      const refused = await fetch(`${instance.url}${route}`, { headers });
      expect(refused.status).toBe(503);
    }
  }
  expect(lags.filter((lag) => lag !== null).length).toBeGreaterThan(0);
}

interface HeldLock {
  readonly lockId: string;
  readonly tenantId: string;
}

interface GuardPartitions {
  readonly dead: readonly number[];
  readonly survivors: readonly number[];
}

/** @param address of the one that is about to die. */
async function guardPartitions(
  instance: ApplicationProcess,
  address: string,
): Promise<GuardPartitions> {
  const { body } = await ask(instance, 'GET', '/v1/partitions', tenantId);
  const tasks = (body as Partitions).services
    .flatMap((service) => service.tasks)
    .filter(({ task }) => task.startsWith('guard_'))
    .map(({ task, owner }) => ({ owner, partition: Number(task.slice('guard_'.length)) }))
    .sort((left, right) => left.partition - right.partition);
  const isDead = ({ owner }: { readonly owner: string }): boolean => owner === address;
  return {
    dead: tasks.filter(isDead).map(({ partition }) => partition),
    survivors: tasks.filter((task) => !isDead(task)).map(({ partition }) => partition),
  };
}

/** What all partitions are asked, of which some are gone: refused, or answered in part, naming those. */
async function expectPartial(
  instance: ApplicationProcess,
  of: GuardPartitions & {
    readonly reservationId: string;
    readonly held: readonly HeldLock[];
  },
): Promise<void> {
  const { reservationId, dead, survivors, held } = of;
  const tenant = held[0]?.tenantId ?? '';
  const list = `/v1/locks?reservationId=${reservationId}`;
  const missing = dead.map((partition) => ({ task: `guard_${partition}`, partition }));
  const names = missing.map(({ task }) => task).join(', ');
  const partitionCount = dead.length + survivors.length;
  const own = held
    .map(({ lockId }) => lockId)
    .filter((lockId) => survivors.includes(partitionOfLock(lockId, partitionCount) ?? -1))
    .sort();

  expect(await ask(instance, 'GET', list, tenant)).toMatchObject({
    status: 503,
    body: {
      ...{ code: 'NOT_READY', missingPartitions: missing },
      detail: expect.stringContaining(`no answer from ${names};`) as unknown,
    },
  });
  expect(await ask(instance, 'GET', `${list}&partial=true`, tenant)).toMatchObject({
    status: 200,
    body: { locks: own.map((lockId) => ({ lockId })), missingPartitions: missing },
  });
  const release = { reservationId, reason: 'what can be released' };
  expect(await ask(instance, 'POST', '/v1/locks/bulk-release', tenant, release)).toMatchObject({
    status: 200,
    body: {
      ...{ status: 'INCOMPLETE', complete: false, released: own.length },
      missingPartitions: missing,
    },
  });
}

async function lockAt(
  instance: ApplicationProcess,
  { tenantId, roomTypeId }: SampleType,
  more: object = {},
): Promise<HeldLock> {
  const wish = {
    ...{ roomTypeId, idempotencyKey: `k-${systemClock.monotonicMs()}`, reason: 'HOLD' },
    ...{ stayStart: '2031-05-01', stayEnd: '2031-05-03', ...more },
  };
  const { status, body } = await ask(instance, 'POST', '/v1/locks', tenantId, wish);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return (body as { readonly lock: HeldLock }).lock;
}

interface Partitions {
  readonly services: readonly {
    readonly tasks: readonly {
      readonly task: string;
      readonly owner: string;
      readonly status: string;
    }[];
  }[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function ask(
  { url }: ApplicationProcess,
  method: string,
  route: string,
  tenantId: string,
  body?: object,
): Promise<Answer> {
  const response = await fetch(`${url}${route}`, {
    method,
    headers: { 'x-tenant-id': tenantId, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: await response.json() };
}
