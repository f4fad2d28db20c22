/** Takes a request to the task that decides it, here or in another instance: one hop at most. */
import { isRollguardError, RollguardError } from '../../kernel/errors.ts';
import type { StreamsService } from '../streams-service.ts';
import type { PeerCalls } from './peer-calls.ts';

export interface TaskTarget {
  readonly subTopology: string;
  readonly partition: number;
}

export interface TaskCallOptions {
  readonly deadlineMs: number;
  readonly isGone: () => boolean;
  readonly isWrite: boolean;
}

export class TaskRouter {
  readonly #service: StreamsService;
  readonly #peers: PeerCalls;

  constructor(service: StreamsService, peers: PeerCalls) {
    this.#service = service;
    this.#peers = peers;
  }

  /**
   * @param here answers it if the task runs in this instance.
   * @throws NOT_READY while nobody is known to run it.
   */
  async ask<Answer>(
    target: TaskTarget,
    request: unknown,
    options: TaskCallOptions,
    here: () => Promise<Answer>,
  ): Promise<Answer> {
    const { address } = this.#service.streams().ownerOf(target);
    if (address === undefined || address === this.#service.applicationServer) return here();
    const { applicationId } = this.#service;
    const call = { applicationId, ...target, request };
    try {
      return (await this.#peers.call(address, call, options)) as Answer;
    } catch (error) {
      if (!isRollguardError(error, 'NOT_READY')) throw error;
      const task = `${target.subTopology}_${target.partition}`;
      const message = `${task} is not served by ${address} now; try again shortly`;
      throw new RollguardError('NOT_READY', message, { cause: error });
    }
  }
}
