/** The guard over HTTP, asked at whichever instance is chosen for the call; every attempt is told. */
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import type {
  CapacityAnswer,
  GuardWindow,
  LockAnswer,
  Again,
  Refused,
  ReleaseAnswer,
  Wish,
} from './guard-window.ts';
import type { SampleType } from './sample-rooms.ts';

export interface Place {
  /** Of the instance. */
  readonly name: string;
  readonly url: string;
}

/** One request, answered or not. */
export interface Attempt {
  readonly place: string;
  /** By the monotonic clock. */
  readonly askedMs: number;
  readonly answeredMs: number;
  /** Of the answer. */
  readonly kind: string;
}

export interface HttpWindowOptions {
  readonly clock: Clock;
  /** Undefined: there is none to be asked now. */
  readonly choose: () => Place | undefined;
  /** How long an answer is waited for. */
  readonly timeoutMs: () => number;
  readonly tried: (attempt: Attempt) => void;
}

interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly tenantId: string;
  readonly body?: object;
}

const lockedSchema = z.object({
  status: z.literal('LOCKED'),
  lock: z.object({ lockId: z.string(), version: z.number(), status: z.string() }),
});
const conflictSchema = z.object({
  status: z.literal('CONFLICT'),
  conflict: z.object({
    reason: z.string(),
    blockingLock: z.object({ lockId: z.string() }).nullable(),
    nights: z.array(z.string()),
  }),
});
const nightsSchema = z.object({
  nights: z.array(z.object({ capacity: z.number().nullable() })),
});
const problemSchema = z.object({ code: z.string(), detail: z.string() });
const endedStatuses = new Set(['RELEASED', 'EXPIRED']);
const againStatuses = new Set([429, 502, 503, 504]);
const dayMs = 86_400_000;

type Found = { readonly kind: 'found'; readonly body: unknown } | Refused | Again;

export class HttpWindow implements GuardWindow {
  readonly #options: HttpWindowOptions;

  constructor(options: HttpWindowOptions) {
    this.#options = options;
  }

  lock({ type, key, ...wish }: Wish): Promise<LockAnswer> {
    const body = { roomTypeId: type.roomTypeId, idempotencyKey: key, reason: 'TEST', ...wish };
    return this.#ask(
      { method: 'POST', path: '/v1/locks', tenantId: type.tenantId, body },
      (found): LockAnswer => {
        const locked = lockedSchema.safeParse(found).data;
        if (locked !== undefined) {
          const { lockId, version, status } = locked.lock;
          return { kind: 'locked', lockId, version, hasEnded: endedStatuses.has(status) };
        }
        const { reason, blockingLock, nights } = conflictSchema.parse(found).conflict;
        return { kind: 'conflict', reason, nights, blockingLockId: blockingLock?.lockId };
      },
    );
  }

  release({ tenantId }: SampleType, lockId: string): Promise<ReleaseAnswer> {
    const path = `/v1/locks/${lockId}`;
    return this.#ask(
      { method: 'DELETE', path, tenantId, body: { reason: 'TEST' } },
      (): ReleaseAnswer => ({ kind: 'released' }),
    );
  }

  capacity({ tenantId, roomTypeId }: SampleType, night: string): Promise<CapacityAnswer> {
    const to = new Date(Date.parse(night) + dayMs).toISOString().slice(0, 10);
    const query = new URLSearchParams({ roomTypeId, from: night, to }).toString();
    return this.#ask(
      { method: 'GET', path: `/v1/availability?${query}`, tenantId },
      (found): CapacityAnswer => {
        const [first] = nightsSchema.parse(found).nights;
        return { kind: 'capacity', rooms: first?.capacity ?? undefined };
      },
    );
  }

  async #ask<Answer extends { readonly kind: string }>(
    request: Request,
    read: (body: unknown) => Answer,
  ): Promise<Answer | Refused | Again> {
    const { clock, choose, tried } = this.#options;
    const place = choose();
    if (place === undefined) return { kind: 'again', why: 'no instance can be asked' };
    const askedMs = clock.monotonicMs();
    const found = await this.#fetch(place, request);
    const answer = found.kind === 'found' ? read(found.body) : found;
    const answeredMs = clock.monotonicMs();
    tried({ place: place.name, askedMs, answeredMs, kind: answer.kind });
    return answer;
  }

  async #fetch({ url }: Place, { method, path, tenantId, body }: Request): Promise<Found> {
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'x-tenant-id': tenantId, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(this.#options.timeoutMs()),
      });
      const answered: unknown = await response.json();
      const problem = problemSchema.safeParse(answered).data;
      if (problem === undefined) return { kind: 'found', body: answered };
      const { code, detail } = problem;
      const why = `${code}: ${detail}`;
      return againStatuses.has(response.status)
        ? { kind: 'again', why }
        : { kind: 'refused', code, why };
    } catch (error) {
      return { kind: 'again', why: messageOf(error) };
    }
  }
}
