import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import { guardDefinition } from '../../api/grpc/protos.ts';
import type { NotedConflict, NotedGrant } from '../../tools/verify/lock-verifier.ts';
import { GrpcClient, isServiceError, type Message } from '../support/grpc-client.ts';

/** A type of rooms that nothing else uses. */
export interface TestType {
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly roomIds: readonly string[];
}

export interface Wish {
  readonly type: TestType;
  readonly key: string;
  readonly roomId?: string;
  readonly stayStart: string;
  readonly stayEnd: string;
  readonly ttlSeconds?: number;
  readonly version?: number;
}

interface ConflictMessage {
  readonly reason: string;
  readonly blockingLock: { readonly lockId: string } | null;
  readonly nights: readonly string[];
}

export type Outcome = 'LOCKED' | 'CONFLICT' | `REFUSED ${string}`;

const deadlineMs = 5_000;
const againMs = 200;
// More than the longest time without an owner that a test makes, on a busy machine.
const attemptsMax = 1_000;

/** Rooms of a new type in the first property of the platform's database. */
export async function createRooms(databaseUrl: string, count: number): Promise<TestType> {
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

/** Callers of the guard that note what they were answered, and ask again with their key until they know. */
export class GuardCallers {
  readonly grants: NotedGrant[] = [];
  readonly conflicts: NotedConflict[] = [];
  readonly #address: () => string;
  #client: { readonly address: string; readonly grpc: GrpcClient } | undefined;

  /** @param address host:port of the application, which may change. */
  constructor(address: () => string) {
    this.#address = address;
  }

  async lock({ type, key, ...wish }: Wish): Promise<Outcome> {
    const { tenantId, roomTypeId } = type;
    const askedAtMs = systemClock.nowMs();
    const answer = await this.#ask('LockRoom', {
      ...{ tenantId, roomTypeId, idempotencyKey: key, reason: 'TEST', ...wish },
    });
    if (isServiceError(answer)) return `REFUSED ${answer.details}`;
    if (answer['status'] !== 'LOCKED') {
      const { reason, blockingLock, nights } = answer['conflict'] as ConflictMessage;
      this.conflicts.push({
        ...{ key, partitionKey: `${tenantId}|${roomTypeId}`, askedAtMs, reason, nights },
        answeredAtMs: systemClock.nowMs(),
        blockingLockId: blockingLock?.lockId,
      });
      return 'CONFLICT';
    }
    const { lockId, version } = answer['lock'] as { lockId: string; version: string };
    this.grants.push({ key, lockId, version: Number(version) });
    return 'LOCKED';
  }

  /** What a key was granted last. */
  lastGrant(key: string): NotedGrant | undefined {
    return this.grants.findLast((each) => each.key === key);
  }

  /** Releases the hold that a key was granted last. */
  async release(type: TestType, key: string): Promise<boolean> {
    const grant = this.lastGrant(key);
    if (grant === undefined) return false;
    const { tenantId } = type;
    const answer = await this.#ask('ReleaseRoom', {
      ...{ tenantId, lockId: grant.lockId, reason: 'TEST' },
    });
    return !isServiceError(answer);
  }

  /** Rooms that can be sold on a night; undefined while that is not known. */
  async capacity({ tenantId, roomTypeId }: TestType, night: string): Promise<number | undefined> {
    const to = new Date(Date.parse(night) + 86_400_000).toISOString().slice(0, 10);
    const answer = await this.#ask('CheckAvailability', { tenantId, roomTypeId, from: night, to });
    if (isServiceError(answer)) throw answer;
    const [first] = answer['nights'] as readonly { readonly capacity?: number }[];
    return first?.capacity;
  }

  close(): void {
    this.#client?.grpc.close();
  }

  /** UNAVAILABLE, a deadline or a full queue mean: ask again. */
  async #ask(
    method: string,
    message: Message,
  ): Promise<ReturnType<GrpcClient['call']> extends Promise<infer T> ? T : never> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#grpc().call(method, message, {
        deadline: systemClock.nowMs() + deadlineMs,
      });
      const asksAgain = isServiceError(answer) && [4, 8, 14].includes(answer.code);
      if (!asksAgain || attempt === attemptsMax) return answer;
      await systemClock.sleep(againMs);
    }
  }

  #grpc(): GrpcClient {
    const address = this.#address();
    if (address !== '' && address !== this.#client?.address) {
      this.#client?.grpc.close();
      const port = Number(address.split(':')[1]);
      this.#client = { address, grpc: new GrpcClient(port, guardDefinition) };
    }
    if (this.#client === undefined) throw new Error('the application has no address yet');
    return this.#client.grpc;
  }
}

/** Runs the work of each item, at most `width` at a time. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
