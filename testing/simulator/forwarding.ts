/**
 * Calls between machines: whoever is asked and does not run the task asks the one that does, as the group
 * told it, and that one never asks on. What is not answered may have been done.
 */
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import type { Machine } from './machine.ts';
import type { Plant } from './plant.ts';
import type { SimulatedCall } from './scenario.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface ForwardingOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly plant: Plant;
}

const wayMsMax = 20;

export class Forwarding {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Asks on the machine, which is awake. @throws what it answers with. */
  async call(machine: Machine, call: SimulatedCall, remainingMs: number): Promise<unknown> {
    const { subTopology, partition } = call;
    const owner = machine.streams?.ownerOf({ subTopology, partition });
    const other = this.#options.machines.find(({ address }) => address === owner?.address);
    if (owner?.isHere !== false || other === undefined || other === machine) {
      return ask(machine, call, remainingMs);
    }
    const { plant } = this.#options;
    const answer = this.#hop(machine, other, { call, remainingMs });
    if (plant.forwarded === undefined) return answer;
    return plant.forwarded(answer, () => this.#hop(machine, other, { call, remainingMs }));
  }

  #hop(
    machine: Machine,
    other: Machine,
    { call, remainingMs }: { readonly call: SimulatedCall; readonly remainingMs: number },
  ): Promise<unknown> {
    const { time } = this.#options;
    return new Promise((resolve, reject) => {
      const back = (told: () => void): void => {
        time.after(this.#wayMs(), () => machine.process?.wake(told));
      };
      const timedOut = time.after(remainingMs, () => {
        back(() =>
          reject(new RollguardError('OUTCOME_UNKNOWN', `${other.address} gave no answer`)),
        );
      });
      const settle = (told: () => void): void => {
        timedOut.isCancelled = true;
        back(told);
      };
      time.after(this.#wayMs(), () => {
        if (other.process === undefined || other.isCut || machine.isCut) return;
        other.process.wake(() => {
          ask(other, call, remainingMs).then(
            (answer) => settle(() => resolve(answer)),
            (error: unknown) => settle(() => reject(errorOf(error))),
          );
        });
      });
    });
  }

  #wayMs(): number {
    return 1 + this.#options.random.integer(wayMsMax);
  }
}

async function ask(
  { process, streams }: Machine,
  { subTopology, partition, request }: SimulatedCall,
  remainingMs: number,
): Promise<unknown> {
  if (process === undefined || streams === undefined) {
    throw new RollguardError('NOT_READY', 'the machine is down');
  }
  const options = { deadlineMs: process.nowMs() + remainingMs };
  return streams.call({ subTopology, partition }, request, options);
}

export function codeOf(error: unknown): string {
  return isRollguardError(error) ? error.code : String(error);
}

function errorOf(thrown: unknown): Error {
  if (isRollguardError(thrown)) return thrown;
  return new RollguardError('ILLEGAL_STATE', messageOf(thrown), { cause: thrown });
}
