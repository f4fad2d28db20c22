/** Takes a request to the task that decides it, here or in another instance: one hop at most. */
import type { Clock } from '../../kernel/clock.ts';
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
  /** A read that a standby may answer where the owner does not. */
  readonly allowsStandby?: boolean | undefined;
}

/** An owner that a standby can stand in for is not waited for longer. */
const ownerPatienceMs = 1_000;

export class TaskRouter {
  readonly #service: StreamsService;
  readonly #peers: PeerCalls;
  readonly #clock: Clock;

  constructor(service: StreamsService, { peers, clock }: { peers: PeerCalls; clock: Clock }) {
    this.#service = service;
    this.#peers = peers;
    this.#clock = clock;
  }

  /**
   * @param here answers it if the task, or a standby that may answer, is in this instance.
   * @throws NOT_READY while nobody is known to run it.
   */
  async ask<Answer>(
    target: TaskTarget,
    request: unknown,
    options: TaskCallOptions,
    here: () => Promise<Answer>,
  ): Promise<Answer> {
    const { address, hasStandbyHere, standbyAddresses } = this.#service.streams().ownerOf(target);
    const isHere = address === undefined || address === this.#service.applicationServer;
    if (options.allowsStandby !== true) {
      return isHere ? here() : this.#askPeer(address, target, request, options);
    }
    const peers = [...(isHere ? [] : [address]), ...standbyAddresses];
    const ways = peers.map((peer) => (patience: TaskCallOptions) => {
      return this.#askPeer<Answer>(peer, target, request, patience);
    });
    // A standby here costs no hop; the owner's word is newer.
    ways.splice(isHere ? 0 : 1, 0, ...(isHere || hasStandbyHere ? [() => here()] : []));
    return firstReady(ways, options, () => this.#clock.nowMs());
  }

  async #askPeer<Answer>(
    address: string,
    target: TaskTarget,
    request: unknown,
    options: TaskCallOptions,
  ): Promise<Answer> {
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

type Way<Answer> = (options: TaskCallOptions) => Promise<Answer>;

/** One after the other until one answers; the last one's refusal stands. */
async function firstReady<Answer>(
  ways: readonly Way<Answer>[],
  options: TaskCallOptions,
  nowMs: () => number,
): Promise<Answer> {
  const [first, ...others] = ways;
  if (first === undefined)
    throw new RollguardError('NOT_READY', 'nobody has it; try again shortly');
  if (others.length === 0) return first(options);
  const deadlineMs = Math.min(options.deadlineMs, nowMs() + ownerPatienceMs);
  try {
    return await first({ ...options, deadlineMs });
  } catch (error) {
    const isSilent =
      isRollguardError(error, 'NOT_READY') || isRollguardError(error, 'DEADLINE_EXCEEDED');
    if (!isSilent) throw error;
    return firstReady(others, options, nowMs);
  }
}
