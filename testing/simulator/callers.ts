/**
 * The outside world that calls: each call is tried on one machine after another, again after a pause,
 * and what its caller was told is noted for every attempt.
 */
import type { Random } from '../../kernel/random.ts';
import { codeOf, Forwarding } from './forwarding.ts';
import type { Machine } from './machine.ts';
import type { Plant } from './plant.ts';
import type { Attempt, Scenario } from './scenario.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface CallersOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly scenario: Scenario;
  readonly plant: Plant;
  /** End of the committed outputs of a partition. */
  readonly endOf: (partition: number) => number;
}

const roundsMax = 4;
const roundPauseMs = 400;
const deadlineMs = 2_500;
/** The caller's patience is a little longer than the deadline it gave. */
const patienceMs = 3_000;
const refusedCodes = new Set(['NOT_READY', 'QUEUE_FULL', 'DEADLINE_EXCEEDED']);

export class Callers {
  readonly attempts: Attempt[] = [];
  readonly #options: CallersOptions;
  readonly #forwarding: Forwarding;
  #waiting = 0;
  #calls = 0;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#forwarding = new Forwarding(options);
  }

  /** Calls under way. */
  get waiting(): number {
    return this.#waiting;
  }

  async call(call: unknown): Promise<void> {
    const number = (this.#calls += 1);
    this.#waiting += 1;
    let count = 0;
    for (let round = 0; round < roundsMax; round += 1) {
      for (const machine of this.#inAnyOrder()) {
        if (machine.streams === undefined) continue;
        count += 1;
        const attempt = await this.#attempt(machine, call, `call ${number}.${count}`);
        if (attempt === undefined || attempt.outcome === 'answered') {
          this.#waiting -= 1;
          return;
        }
        // Not to be told twice: somebody else may have it done meanwhile.
        if (attempt.outcome === 'unknown') break;
      }
      await this.#sleep(roundPauseMs);
    }
    this.#waiting -= 1;
  }

  async #attempt(machine: Machine, call: unknown, id: string): Promise<Attempt | undefined> {
    const { scenario, endOf } = this.#options;
    const asked = scenario.requestOf(call, id);
    if (asked === undefined) return undefined;
    const { partition } = asked;
    const attempt: Attempt = {
      ...{ id, call, partition, machine: machine.index, askedAtEnd: endOf(partition) },
      ...{ outcome: 'unknown', answer: undefined, code: '' },
    };
    this.attempts.push(attempt);
    const { process } = machine;
    const answered = new Promise<void>((resolve) => {
      process?.wake(() => {
        this.#forwarding.call(machine, asked, deadlineMs).then(
          (answer) => {
            if (isOver) return;
            attempt.outcome = 'answered';
            attempt.answer = answer;
            resolve();
          },
          (error: unknown) => {
            if (isOver) return;
            attempt.code = codeOf(error);
            attempt.outcome = refusedCodes.has(attempt.code) ? 'refused' : 'unknown';
            resolve();
          },
        );
      });
    });
    let isOver = false;
    await Promise.race([answered, this.#sleep(patienceMs)]);
    isOver = true;
    if (attempt.outcome === 'answered') scenario.answered?.(call, attempt.answer);
    return attempt;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.time.after(ms, resolve));
  }

  #inAnyOrder(): readonly Machine[] {
    const { machines, random } = this.#options;
    const rest = [...machines];
    const order: Machine[] = [];
    while (rest.length > 0) order.push(...rest.splice(random.integer(rest.length), 1));
    return order;
  }
}
