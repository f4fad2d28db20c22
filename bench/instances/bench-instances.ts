/** Instances of the application over one stack, each with a state folder and a log of its own. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { ApplicationProcess } from '../../tools/start/application-process.ts';
import type { System } from '../../tools/start/system.ts';

const settleTimeoutMs = 120_000;
const pollMs = 250;
/** Looks in a row at which nothing moves. */
const calmLooks = 6;

interface TaskPlace {
  readonly task: string;
  readonly owner: string | null;
  readonly status: string;
  readonly standbys: readonly { readonly address: string; readonly lagRecords: number | null }[];
}

export interface BenchInstancesOptions {
  readonly system: System;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of the gRPC API, by number: an address stays over a restart. */
  readonly ports: Readonly<Record<string, number>>;
}

export class BenchInstances {
  readonly #options: BenchInstancesOptions;
  readonly #processes = new Map<number, ApplicationProcess>();

  constructor(options: BenchInstancesOptions) {
    this.#options = options;
  }

  get numbers(): readonly number[] {
    return [...this.#processes.keys()];
  }

  url(number: number): string {
    return this.#found(number).url;
  }

  start(number: number, settings: Readonly<Record<string, string>> = {}): void {
    const { system, ports } = this.#options;
    const own = { GRPC_PORT: String(ports[number]), ...settings };
    this.#processes.set(number, system.startBeside(`instance-${number}`, own));
  }

  async kill(number: number): Promise<void> {
    const instance = this.#found(number);
    this.#processes.delete(number);
    await instance.kill();
  }

  async stop(number: number): Promise<void> {
    const instance = this.#found(number);
    this.#processes.delete(number);
    await instance.stop();
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.numbers.map((number) => this.stop(number)));
  }

  /** Which instance runs which task of the guard, once nothing moves any more and every standby is there. */
  async settled(standbys: number): Promise<ReadonlyMap<number, readonly string[]>> {
    const { clock, signal } = this.#options;
    await Promise.all([...this.#processes.values()].map((each) => each.ready(signal)));
    const deadlineMs = clock.monotonicMs() + settleTimeoutMs;
    let last = '';
    for (let calm = 0; calm < calmLooks;) {
      signal.throwIfAborted();
      if (clock.monotonicMs() > deadlineMs) {
        throw new RollguardError('CHECK_FAILED', `the instances do not come to rest: ${last}`);
      }
      await clock.sleep(pollMs, signal);
      const tasks = await this.#tasks().catch(() => []);
      const text = JSON.stringify(tasks.map(({ task, owner }) => [task, owner]));
      const isThere = tasks.length > 0 && tasks.every((task) => isSettled(task, standbys));
      calm = isThere && text === last ? calm + 1 : 0;
      last = text;
    }
    return this.#owned();
  }

  async #owned(): Promise<ReadonlyMap<number, readonly string[]>> {
    const tasks = await this.#tasks();
    return new Map(
      [...this.#processes].map(([number, { grpcAddress }]) => [
        number,
        tasks.filter(({ owner }) => owner === grpcAddress).map(({ task }) => task),
      ]),
    );
  }

  async #tasks(): Promise<readonly TaskPlace[]> {
    const [instance] = this.#processes.values();
    const response = await fetch(`${instance?.url ?? ''}/v1/partitions`);
    const { services } = (await response.json()) as {
      readonly services: readonly { readonly tasks: readonly TaskPlace[] }[];
    };
    return services.flatMap(({ tasks }) => tasks);
  }

  #found(number: number): ApplicationProcess {
    const instance = this.#processes.get(number);
    if (instance !== undefined) return instance;
    throw new RollguardError('CHECK_FAILED', `instance ${number} does not run`);
  }
}

/** Whether a task without a store has no standbys is not told: those that it has are there. */
function isSettled({ status, standbys }: TaskPlace, wanted: number): boolean {
  const there = standbys.filter(({ lagRecords }) => lagRecords !== null && lagRecords < 1_000);
  return status === 'running' && there.length === standbys.length && there.length <= wanted;
}
