/** Runs of the whole application that die or hang at a failpoint while rows, calls and releases go on. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FailpointName } from '../../kernel/failpoints.ts';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { verifyGuardOf, verifySystem } from '../../tools/faults/verify-system.ts';
import { ApplicationProcess } from '../../tools/start/application-process.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import type { SampleType } from '../../tools/load/sample-rooms.ts';
import { GuardScenario } from './guard-scenario.ts';
import { systemOptions, testStackFolder } from './test-system.ts';

const deathTimeoutMs = 90_000;
const rightTimeoutMs = 90_000;
const betweenChainsMs = 5_000;
const tailMs = 2_000;
// Enough for several calls in a transaction; every decision is read again by the verifier.
const mixWorkers = 4;
const { signal } = systemOptions;

/** Reached for certain when the application stops in order; else at most every half minute. */
const atTheStop: ReadonlySet<string> = new Set([
  'before-checkpoint',
  'during-checkpoint',
  'after-checkpoint',
]);
/** Reached a few times while it starts: once for a task, or for a batch of a changelog. */
const atTheStart: ReadonlySet<string> = new Set(['before-fence', 'during-restore']);

export class FailpointRuns {
  readonly scenario: GuardScenario;
  readonly #settings: Record<string, string>;
  readonly #workloads: Workload[] = [];
  readonly #isOver = new AbortController();
  readonly #load: Promise<unknown>;

  private constructor(
    scenario: GuardScenario,
    settings: Record<string, string>,
    types: readonly SampleType[],
  ) {
    this.scenario = scenario;
    this.#settings = settings;
    const until = this.#isOver.signal;
    const mix = { workers: mixWorkers, seed: Math.floor(systemClock.nowMs()), until };
    this.#load = Promise.all([scenario.mix(types, mix), this.#feedRows(until)]);
    this.#load.catch(() => undefined);
  }

  /** The application runs without failpoints, under load. */
  static async start(): Promise<FailpointRuns> {
    const settings: Record<string, string> = { ...systemOptions.settings };
    const scenario = await GuardScenario.start({ ...systemOptions, settings });
    const types = await scenario.types(4, 50);
    return new FailpointRuns(scenario, settings, types);
  }

  /**
   * Starts the application, which died of the last failpoint, with this one; waits until it has died of it.
   * @returns what it said then.
   */
  async dieAt(name: FailpointName, seed: number): Promise<string> {
    const { system } = this.scenario;
    const random = seededRandom(seed);
    if (atTheStart.has(name)) await this.#leaveTail();
    await this.startWith(`${name}:kill@${nthOf(name, random.integer(1_000))}`);
    const { application } = system;
    if (atTheStop.has(name)) {
      // It may be due, and die of it, before that.
      await Promise.race([application.ended, application.ready(signal).catch(() => undefined)]);
      // Something has to be there that a checkpoint would write.
      await settledWithin(systemClock, 1_000 + random.integer(2_000), application.ended);
      void application.stop();
    }
    const end = await settledWithin(systemClock, deathTimeoutMs, application.ended);
    if (end === late) throw new Error(`${name} was not reached`);
    // A signal has no exit code: with one it ended in another way, and the log says which.
    if (end !== null) throw new Error(`${name}: ended with code ${end}; ${this.logged('').at(-2)}`);
    return this.lastActed();
  }

  /** Lets the application work for a while and kills it: the next one has something to restore. */
  async #leaveTail(): Promise<void> {
    await this.startWith(undefined);
    await this.scenario.system.application.ready(signal);
    await systemClock.sleep(tailMs);
  }

  /** Kills the application where it is and starts it with these failpoints, or none. */
  async startWith(failpoints: string | undefined): Promise<void> {
    const { system } = this.scenario;
    await system.application.kill();
    if (failpoints === undefined) delete this.#settings['ROLLGUARD_FAILPOINTS'];
    else this.#settings['ROLLGUARD_FAILPOINTS'] = failpoints;
    system.startApplication();
  }

  /** Waits until a failpoint has acted in the application that runs. */
  async untilActed(): Promise<void> {
    const before = this.lastActed();
    const deadlineMs = systemClock.monotonicMs() + deathTimeoutMs;
    while (this.lastActed() === before) {
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('no failpoint acted');
      await systemClock.sleep(50);
    }
  }

  /** Another instance of the application, with a state folder of its own. */
  startSecond(): ApplicationProcess {
    const { endpoints } = this.scenario.system.stack;
    return new ApplicationProcess({
      settings: {
        KAFKA_BROKERS: endpoints.kafkaBrokers,
        SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
        ROLLGUARD_STATE_DIR: path.join(testStackFolder, 'state-of-second'),
        ...{ HTTP_PORT: '0', GRPC_PORT: '0' },
      },
      logFile: path.join(testStackFolder, 'logs', 'application-second.log'),
      clock: systemClock,
    });
  }

  /** What the application has logged with these words. */
  logged(words: string): readonly string[] {
    const log = readFileSync(this.scenario.system.applicationLog, 'utf8');
    return log.split('\n').filter((line) => line.includes(words));
  }

  /** Ends the load and everything that was started. */
  async close(): Promise<void> {
    this.#isOver.abort();
    await this.#load.catch(() => undefined);
    await this.scenario.stop();
  }

  /** The last line in which a failpoint said that it acts. */
  lastActed(): string {
    return this.logged('failpoint ').findLast((line) => line.startsWith('failpoint ')) ?? '';
  }

  /**
   * Ends the load and the application, which runs without failpoints in the end.
   * @returns every violation that durable data show.
   */
  async violations(): Promise<readonly string[]> {
    const { system } = this.scenario;
    if (this.#settings['ROLLGUARD_FAILPOINTS'] !== undefined) await this.startWith(undefined);
    await system.application.ready(signal);
    this.#isOver.abort();
    await this.#load;
    const figures = await this.#untilRight();
    const { violations } = await this.scenario.verified();
    await system.application.stop();
    const guard = await verifyGuardOf(system, systemOptions);
    const roll = await verifySystem(system, systemOptions);
    return [
      ...figures,
      ...violations,
      ...[...guard.tasks, ...guard.events, ...roll.tasks].flatMap(({ differing }) => differing),
      ...roll.events.repeated.map((place) => `event ${place} is there twice`),
      ...roll.events.contradicting.map((place) => `event ${place} says something else`),
      ...roll.events.differing.map((id) => `the events of entry ${id} differ`),
      ...(guard.isEqual ? [] : ['the guard is not what its decisions say']),
      ...(roll.isEqual ? [] : ['the Roll Service is not what its sources say']),
    ];
  }

  /** What the ledgers say in the end that the rows do not. */
  async #untilRight(): Promise<readonly string[]> {
    const { application } = this.scenario.system;
    const deadlineMs = systemClock.monotonicMs() + rightTimeoutMs;
    for (;;) {
      const compared = this.#workloads.map(async (workload) => {
        const { differences } = await compareWithApi(application.url, workload);
        return differences;
      });
      const differences = (await Promise.all(compared)).flat();
      if (differences.length === 0 || systemClock.monotonicMs() > deadlineMs) return differences;
      await systemClock.sleep(500);
    }
  }

  /** One small chain after another. */
  async #feedRows(until: AbortSignal): Promise<void> {
    const databaseUrl = this.scenario.system.stack.endpoints.platformAdminDatabaseUrl;
    while (!until.aborted) {
      const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs()), days: 3 });
      this.#workloads.push(workload);
      await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
      await systemClock.sleep(betweenChainsMs, until);
    }
  }
}

/** The how-manieth time it is reached: early where that is seldom. */
function nthOf(name: FailpointName, drawn: number): number {
  if (atTheStop.has(name)) return 1;
  return 1 + (drawn % (atTheStart.has(name) ? 3 : 40));
}
