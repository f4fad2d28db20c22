/**
 * The state folder of one application on one machine: `<stateDir>/<application id>/<task>/`. One
 * process has it at a time (RocksDB's own lock on a tiny database, which dies with its process). A
 * task's store that cannot be trusted is set aside under a name that says when and why, and a fresh
 * one is opened: it is restored from the changelog.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Counter, Metrics } from '../kernel/metrics.ts';
import { RocksDbEngine } from './rocksdb-engine.ts';
import type { StateEngine } from './state-engine.ts';

export interface StateDirectoryOptions {
  readonly stateDir: string;
  readonly applicationId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** When a store found on disk may be used. */
export interface TrustRules {
  /** The changelog's topic id: a position in another topic means nothing. */
  readonly topicId: string;
  /** An older copy may lack tombstones that were cleaned away since. */
  readonly ageMaxMs: number;
}

const lockFolder = 'lock';
// Kept for a person to look at; more would only fill the disk.
const setAsideMax = 3;

export class StateDirectory {
  readonly #folder: string;
  readonly #options: StateDirectoryOptions;
  readonly #lock: RocksDbEngine;
  readonly #setAside: Counter;

  private constructor(folder: string, options: StateDirectoryOptions, lock: RocksDbEngine) {
    this.#folder = folder;
    this.#options = options;
    this.#lock = lock;
    this.#setAside = options.metrics.counter({
      name: 'rollguard_state_set_aside_total',
      help: 'Local stores that could not be trusted and were set aside.',
      labels: ['reason'],
    });
  }

  /** @throws STATE_LOCKED when another process has the folder, CONFIG_INVALID when it cannot be written. */
  static async open(options: StateDirectoryOptions): Promise<StateDirectory> {
    const folder = path.join(options.stateDir, options.applicationId);
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      const message = `cannot write the state folder ${folder}; set ROLLGUARD_STATE_DIR to a folder that can be written`;
      throw new RollguardError('CONFIG_INVALID', message, { cause: error });
    }
    const lock = await RocksDbEngine.open(path.join(folder, lockFolder));
    return new StateDirectory(folder, options, lock);
  }

  /** The store of a task, fresh if there is none that can be trusted. */
  async openEngine(task: string, rules: TrustRules): Promise<StateEngine> {
    const folder = path.join(this.#folder, task);
    let reason: string | undefined;
    try {
      const engine = await RocksDbEngine.open(folder);
      reason = this.#distrust(engine, rules);
      if (reason === undefined) return engine;
      await engine.close();
    } catch (error) {
      if (!isRollguardError(error, 'STATE_DAMAGED')) throw error;
      this.#options.logger.error('a local store is damaged', { task, error });
      reason = 'damaged';
    }
    await this.#moveAside(task, reason);
    return RocksDbEngine.open(folder);
  }

  async close(): Promise<void> {
    await this.#lock.close();
  }

  #distrust(engine: StateEngine, rules: TrustRules): string | undefined {
    const position = engine.position();
    if (position === undefined) return undefined;
    if (position.topicId !== rules.topicId) return 'foreign';
    const ageMs = this.#options.clock.nowMs() - position.writtenAtMs;
    return ageMs > rules.ageMaxMs ? 'outdated' : undefined;
  }

  async #moveAside(task: string, reason: string): Promise<void> {
    const time = new Date(this.#options.clock.nowMs()).toISOString().replaceAll(':', '-');
    const name = `${task}.set-aside-${time}-${reason}`;
    await rename(path.join(this.#folder, task), path.join(this.#folder, name));
    this.#options.logger.warn('a local store was set aside; it is restored from the changelog', {
      task,
      reason,
      kept: path.join(this.#folder, name),
    });
    this.#setAside.add(1, { reason });
    const old = (await readdir(this.#folder)).filter((each) =>
      each.startsWith(`${task}.set-aside-`),
    );
    for (const each of old.sort().slice(0, -setAsideMax)) {
      await rm(path.join(this.#folder, each), { recursive: true, force: true });
    }
  }
}
