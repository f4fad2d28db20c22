/**
 * One to three instances of the application over one stack. One that ends by itself is noted, and started
 * again as whatever supervises it would do.
 */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import type { Place } from '../load/http-window.ts';
import type { System } from '../start/system.ts';
import { instancesMax } from './fault-plan.ts';
import { Instance } from './instance.ts';
import { instanceSettings } from './instance-settings.ts';

/** As a supervisor waits. */
const restartAfterMs = 1_000;
const lastLines = 3;
const probeMs = 200;

export interface FleetOptions {
  readonly system: Pick<System, 'stack' | 'stateFolder' | 'logsFolder'>;
  /** Of each, beside the campaign's. */
  readonly settings: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

export class Fleet {
  readonly instances: readonly Instance[];
  /** What must not be: instances that ended by themselves, stopped in disorder or did not get ready. */
  readonly violations: string[] = [];
  readonly #options: FleetOptions;

  static async create(options: FleetOptions): Promise<Fleet> {
    const { system, settings, clock } = options;
    const { kafkaBrokers: broker, schemaRegistryUrl } = system.stack.endpoints;
    const ended: { told?: Fleet } = {};
    const instances = await Promise.all(
      Array.from({ length: instancesMax }, (_, index) =>
        Instance.create({
          number: index + 1,
          stateFolder: `${system.stateFolder}-${index + 1}`,
          logFile: path.join(system.logsFolder, `instance-${index + 1}.log`),
          settings: { SCHEMA_REGISTRY_URL: schemaRegistryUrl, ...instanceSettings, ...settings },
          ...{ broker, clock },
          endedAlone: (instance, code) => void ended.told?.restart(instance, code),
        }),
      ),
    );
    return (ended.told = new Fleet(instances, options));
  }

  private constructor(instances: readonly Instance[], options: FleetOptions) {
    this.instances = instances;
    this.#options = options;
  }

  get running(): readonly Instance[] {
    return this.instances.filter(({ isRunning }) => isRunning);
  }

  /** @param number from 1 on */
  instance(number: number): Instance {
    const found = this.instances[number - 1];
    if (found === undefined) throw new Error(`there is no instance ${number}`);
    return found;
  }

  /** Whichever runs, standing still or not. */
  place(random: Random): Place | undefined {
    const places = this.instances.flatMap(({ name, url }) =>
      url === undefined ? [] : [{ name, url }],
    );
    return places[random.integer(places.length)];
  }

  /** Those that run from now on are these. */
  async scale(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.instance(number).start();
    const others = this.running.filter(({ number }) => !numbers.includes(number));
    await Promise.all(others.map((instance) => this.stop(instance)));
  }

  async stop(instance: Instance): Promise<void> {
    await instance.calm();
    if (!(await instance.stop())) {
      this.violations.push(`${instance.name} did not end in order after SIGTERM`);
    }
  }

  /** False, and noted, when it does not get ready. */
  async ready(instance: Instance): Promise<boolean> {
    const { signal, clock } = this.#options;
    try {
      // It may be about to be started again.
      if (!instance.isRunning) await clock.sleep(restartAfterMs + probeMs, signal);
      await instance.ready(signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.violations.push(`${instance.name}: ${messageOf(error)}`);
      return false;
    }
  }

  /** When nothing of any fault lasts any more, and everyone has taken over what it owns. */
  async settled(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.calm()));
    await Promise.all(this.running.map((instance) => this.ready(instance)));
  }

  async restart(instance: Instance, code: number | null): Promise<void> {
    const { clock, progress, signal } = this.#options;
    const last = readFileSync(instance.logFile, 'utf8').trimEnd().split('\n').slice(-lastLines);
    const how = `${instance.name} ended by itself (${code === null ? 'a signal' : `code ${code}`})`;
    progress(`faults: ${how}`);
    this.violations.push(`${how}: ${last.join(' | ')}`);
    await clock.sleep(restartAfterMs, signal);
    if (!signal.aborted) instance.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
  }
}
