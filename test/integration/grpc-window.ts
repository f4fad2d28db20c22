/** The guard over gRPC, at one address that may change. */
import { status } from '@grpc/grpc-js';
import { systemClock } from '../../kernel/clock.ts';
import { guardDefinition } from '../../api/grpc/protos.ts';
import type {
  Again,
  CapacityAnswer,
  GuardWindow,
  LockAnswer,
  Refused,
  ReleaseAnswer,
  Wish,
} from '../../tools/load/guard-window.ts';
import type { SampleType } from '../../tools/load/sample-rooms.ts';
import { GrpcClient, isServiceError, type Message } from '../support/grpc-client.ts';

interface LockMessage {
  readonly lockId: string;
  readonly version: string;
  readonly status: string;
}

interface ConflictMessage {
  readonly reason: string;
  readonly blockingLock: { readonly lockId: string } | null;
  readonly nights: readonly string[];
}

const deadlineMs = 5_000;
/** A deadline, a full queue and UNAVAILABLE mean: ask again. */
const againCodes = new Set([4, 8, 14]);

export class GrpcWindow implements GuardWindow {
  readonly #address: () => string;
  #client: { readonly address: string; readonly grpc: GrpcClient } | undefined;

  /** @param address host:port of the application. */
  constructor(address: () => string) {
    this.#address = address;
  }

  lock({ type, key, ...wish }: Wish): Promise<LockAnswer> {
    const { tenantId, roomTypeId } = type;
    const message = { tenantId, roomTypeId, idempotencyKey: key, reason: 'TEST', ...wish };
    return this.#ask('LockRoom', message, (answer): LockAnswer => {
      if (answer['status'] !== 'LOCKED') {
        const { reason, blockingLock, nights } = answer['conflict'] as ConflictMessage;
        return { kind: 'conflict', reason, nights, blockingLockId: blockingLock?.lockId };
      }
      const { lockId, version, status: ofLock } = answer['lock'] as LockMessage;
      const hasEnded = /RELEASED|EXPIRED/.test(ofLock);
      return { kind: 'locked', lockId, version: Number(version), hasEnded };
    });
  }

  release({ tenantId }: SampleType, lockId: string): Promise<ReleaseAnswer> {
    const message = { tenantId, lockId, reason: 'TEST' };
    return this.#ask('ReleaseRoom', message, (): ReleaseAnswer => ({ kind: 'released' }));
  }

  capacity({ tenantId, roomTypeId }: SampleType, night: string): Promise<CapacityAnswer> {
    const to = new Date(Date.parse(night) + 86_400_000).toISOString().slice(0, 10);
    const message = { tenantId, roomTypeId, from: night, to };
    return this.#ask('CheckAvailability', message, (answer): CapacityAnswer => {
      const [first] = answer['nights'] as readonly { readonly capacity?: number }[];
      return { kind: 'capacity', rooms: first?.capacity };
    });
  }

  close(): void {
    this.#client?.grpc.close();
  }

  async #ask<Answer>(
    method: string,
    message: Message,
    read: (answer: Message) => Answer,
  ): Promise<Answer | Refused | Again> {
    const answer = await this.#grpc().call(method, message, {
      deadline: systemClock.nowMs() + deadlineMs,
    });
    if (!isServiceError(answer)) return read(answer);
    const { code, details: why } = answer;
    if (againCodes.has(code)) return { kind: 'again', why };
    return { kind: 'refused', code: code === status.NOT_FOUND ? 'NOT_FOUND' : String(code), why };
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
