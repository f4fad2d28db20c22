/** The guard on the real stack with rooms of its own, callers that note every answer, and the verifier. */
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { LockVerifier } from '../../tools/verify/lock-verifier.ts';
import {
  createRooms,
  GuardCallers,
  inParallel,
  type TestType,
  type Wish,
} from './guard-callers.ts';
import { portOn } from './test-system.ts';

const waitMs = 60_000;
const eventsTopic = 'inventory.events.shadow';
const groupNights = 5;
const callersAtOnce = 256;

export interface MixFigures {
  locks: number;
  changes: number;
  releases: number;
  repeats: number;
  conflicts: number;
}

export class GuardScenario {
  readonly system: System;
  readonly callers: GuardCallers;
  readonly #types: TestType[] = [];
  readonly #options: SystemOptions;
  /** What callers were told that cannot be right, beside what the verifier finds. */
  readonly #lies: string[] = [];

  private constructor(system: System, options: SystemOptions) {
    this.system = system;
    this.#options = options;
    this.callers = new GuardCallers(() => system.application.grpcAddress);
  }

  static async start(options: SystemOptions): Promise<GuardScenario> {
    const system = await startSystem(options);
    const { signal } = options;
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs()), days: 1 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    await system.application.ready(signal);
    return new GuardScenario(system, options);
  }

  /** Types of so many rooms each, which the guard knows when this is done. */
  async types(count: number, roomCount: number): Promise<readonly TestType[]> {
    const types: TestType[] = [];
    for (let index = 0; index < count; index += 1) {
      types.push(
        await createRooms(this.system.stack.endpoints.platformAdminDatabaseUrl, roomCount),
      );
    }
    for (const type of types) await this.#captured(type);
    this.#types.push(...types);
    return types;
  }

  async stop(): Promise<void> {
    this.callers.close();
    await this.system.stop();
  }

  /**
   * Kills the application with SIGKILL and starts it again.
   * @returns when it served again.
   */
  async restart(downMs = 0): Promise<number> {
    await this.system.application.kill();
    await systemClock.sleep(downMs);
    this.system.startApplication();
    await this.system.application.ready(this.#options.signal);
    return systemClock.nowMs();
  }

  /**
   * 70 % locks, 20 % releases, 10 % changes by each of the workers, on five nights of each type, rooms and
   * types mixed, until the signal aborts. Some ask once more what they were granted.
   */
  async mix(
    types: readonly TestType[],
    { workers, seed, until }: { workers: number; seed: number; until: AbortSignal },
  ): Promise<MixFigures> {
    const figures = { locks: 0, changes: 0, releases: 0, repeats: 0, conflicts: 0 };
    await Promise.all(
      numbers(workers).map((name) => this.#worker({ types, name, figures, until }, seed + name)),
    );
    return figures;
  }

  async #worker(
    work: {
      readonly types: readonly TestType[];
      readonly name: number;
      readonly figures: MixFigures;
      readonly until: AbortSignal;
    },
    seed: number,
  ): Promise<void> {
    const { types, name, figures, until } = work;
    const random = seededRandom(seed);
    const own: Wish[] = [];
    for (let round = 0; !until.aborted; round += 1) {
      const drawn = random.next();
      const at = random.integer(Math.max(1, own.length));
      const mine = own[at];
      if (drawn < 0.7 || mine === undefined) {
        const wish = drawWish(types, random, `mix-${seed}-${name}-${round}`);
        figures.locks += 1;
        if ((await this.callers.lock(wish)) === 'LOCKED') own.push(wish);
        else figures.conflicts += 1;
        if (own.includes(wish) && random.next() < 0.2) await this.#repeat(wish, figures);
      } else if (drawn < 0.9) {
        figures.releases += 1;
        own.splice(at, 1);
        await this.callers.release(mine.type, mine.key);
      } else {
        figures.changes += 1;
        own[at] = (await this.#change(mine, random, figures)) ?? mine;
      }
    }
  }

  /** V5: the same hold again, as it is. */
  async #repeat(wish: Wish, figures: MixFigures): Promise<void> {
    const before = this.callers.lastGrant(wish.key);
    figures.repeats += 1;
    const outcome = await this.callers.lock(wish);
    const after = this.callers.lastGrant(wish.key);
    if (
      outcome === 'LOCKED' &&
      before?.lockId === after?.lockId &&
      before?.version === after?.version
    )
      return;
    this.#lies.push(
      `V5: ${wish.key} was granted ${nameOf(before)}, then ${outcome} ${nameOf(after)}`,
    );
  }

  /** In place, half of them with the version; a stale one must be refused. */
  async #change(mine: Wish, random: Random, figures: MixFigures): Promise<Wish | undefined> {
    const grant = this.callers.lastGrant(mine.key);
    const drawn = drawWish([mine.type], random, mine.key);
    const version = grant?.version ?? 0;
    const isStale = random.next() < 0.2;
    const isNamed = isStale || random.next() < 0.5;
    const named = isNamed ? { version: isStale ? version - 1 : version } : {};
    const isSame = drawn.stayStart === mine.stayStart && drawn.stayEnd === mine.stayEnd;
    if (isSame) return undefined;
    const outcome = await this.callers.lock({ ...drawn, ...named });
    if (outcome === 'CONFLICT') figures.conflicts += 1;
    if (isStale && outcome === 'LOCKED' && this.callers.lastGrant(mine.key)?.version !== version) {
      this.#lies.push(`V4: ${mine.key} was changed by one that knew version ${version - 1}`);
    }
    return outcome === 'LOCKED' && !isStale ? drawn : undefined;
  }

  /** Takes so many holds with a time to live. @returns when the last of them is due. */
  async takeBrief(types: readonly TestType[], count: number, ttlSeconds: number): Promise<number> {
    const tag = systemClock.nowMs();
    const wishes = numbers(count).map((n) => ({
      ...wishFor(typeAt(types, n), `brief-${tag}-${n}`, Math.floor(n / 2_000)),
      ttlSeconds,
    }));
    await inParallel(wishes, callersAtOnce, (wish) => this.callers.lock(wish));
    return systemClock.nowMs() + ttlSeconds * 1_000;
  }

  /** Everything committed so far, and what all callers were answered. */
  async verified(): Promise<LockVerifier> {
    const capacity = this.#types.map((type) => [keyOf(type), type.roomIds.length] as const);
    const verifier = new LockVerifier(new Map(capacity));
    const ours = new Set<string>(capacity.map(([key]) => key));
    const port = portOn(this.system.stack, 'guard-test');
    await readRanges(port, await wholeTopics(port, [eventsTopic]), ({ key, value }) => {
      if (value !== null && ours.has(String(key))) verifier.add(value);
      return true;
    });
    await port.close();
    verifier.check(this.callers.grants);
    verifier.checkConflicts(this.callers.conflicts);
    for (const lie of this.#lies) verifier.report(lie);
    return verifier;
  }

  /** When none of these types has a live hold any more; gives up after a while. */
  async untilFree(types: readonly TestType[]): Promise<LockVerifier> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const verifier = await this.verified();
      const isFree = types.every((type) => verifier.liveCount(keyOf(type)) === 0);
      if (isFree || systemClock.monotonicMs() > deadlineMs) return verifier;
      await systemClock.sleep(500);
    }
  }

  async #captured(type: TestType): Promise<void> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    while ((await this.callers.capacity(type, date(0))) !== type.roomIds.length) {
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('the rooms were not captured');
      await systemClock.sleep(250);
    }
  }
}

export function wishFor(type: TestType, key: string, night: number, roomId?: string): Wish {
  const stay = { stayStart: date(night), stayEnd: date(night + 1) };
  return { type, key, ...stay, ...(roomId === undefined ? {} : { roomId }) };
}

export function keyOf({ tenantId, roomTypeId }: TestType): string {
  return `${tenantId}|${roomTypeId}`;
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function drawWish(types: readonly TestType[], random: Random, key: string): Wish {
  const type = typeAt(types, random.integer(types.length));
  const night = random.integer(groupNights);
  const last = Math.min(groupNights, night + 1 + random.integer(3));
  const roomId = type.roomIds[random.integer(type.roomIds.length)] ?? '';
  const stay = { stayStart: date(night), stayEnd: date(last) };
  return { type, key, ...stay, ...(random.next() < 0.7 ? { roomId } : {}) };
}

function typeAt(types: readonly TestType[], index: number): TestType {
  const type = types[index % types.length];
  if (type === undefined) throw new Error('there is a type');
  return type;
}

function nameOf(grant: { readonly lockId: string; readonly version: number } | undefined): string {
  return `${String(grant?.lockId)} at ${String(grant?.version)}`;
}

function date(night: number): string {
  return new Date(Date.UTC(2031, 4, 1 + night)).toISOString().slice(0, 10);
}
