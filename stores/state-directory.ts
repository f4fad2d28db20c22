/**
 * The state folder of one application on one machine:
 *
 *   <stateDir>/<application id>/lock/          open in the one process that has the folder
 *                               holder.json    which one that is, for people
 *                               <task>/        a task's engine
 *                               <task>.set-aside-<time>-<reason>/
 *
 * An engine that cannot be trusted is never repaired and never used: it is renamed, loudly, and a fresh
 * one is restored from the changelog.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pid } from 'node:process';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Counter, Metrics } from '../kernel/metrics.ts';
import { engineMemory, type EngineMemory } from './engine-memory.ts';
import { RocksDbEngine } from './rocksdb-engine.ts';
import type { ChangelogPosition, StateEngine } from './state-engine.ts';

export interface StateDirectoryOptions {
  /** The setting ROLLGUARD_STATE_DIR. */
  readonly stateDir: string;
  readonly applicationId: string;
  /** Of each task's engine; by default that of one that stands alone. */
  readonly memory?: EngineMemory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** When an engine found on disk may be used. */
export interface TrustRules {
  /** Kafka's topic id of the task's changelog: a position in another topic means nothing. */
  readonly topicId: string;
  /** An older engine may hold keys whose tombstones were cleaned away since. */
  readonly ageMaxMs: number;
}

/** `damaged`: it or its format is not readable; `other-topic`, `too-old`: see TrustRules. */
export type SetAsideReason = 'damaged' | 'other-topic' | 'too-old';

/** Where an application's tasks keep their engines; the simulator brings one of its own. */
export interface StateFolder {
  /** Tasks of which something is there. */
  tasks(): Promise<readonly string[]>;
  /** The task's engine, fresh if there is none that can be trusted. */
  openEngine(task: string, rules: TrustRules): Promise<StateEngine>;
  /** Puts a closed engine out of the way. A task without one is left alone. */
  setAside(task: string, reason: SetAsideReason, error?: unknown): Promise<void>;
  /** The tasks' engines are closed by their owners, before. */
  close(): Promise<void>;
}

/** Why an engine with this position must not be used; undefined: it may. */
export function distrustOf(
  position: ChangelogPosition | undefined,
  rules: TrustRules,
  nowMs: number,
): SetAsideReason | undefined {
  if (position === undefined) return undefined;
  if (position.topicId !== rules.topicId) return 'other-topic';
  return nowMs - position.writtenAtMs > rules.ageMaxMs ? 'too-old' : undefined;
}

const lockName = 'lock';
const setAsideMark = '.set-aside-';
// Kept for a person to look at; more would only fill the disk.
const setAsideMax = 3;

export class StateDirectory implements StateFolder {
  readonly folder: string;
  readonly #options: StateDirectoryOptions;
  /** An empty RocksDB: its lock is the operating system's and dies with the process. */
  readonly #lock: StateEngine;
  readonly #setAsides: Counter;

  private constructor(folder: string, options: StateDirectoryOptions, lock: StateEngine) {
    this.folder = folder;
    this.#options = options;
    this.#lock = lock;
    this.#setAsides = options.metrics.counter({
      name: 'rollguard_stores_set_aside_total',
      help: 'Local stores that could not be trusted and were set aside.',
      labels: ['application', 'reason'],
    });
  }

  /**
   * Takes the application's folder for this process.
   * @throws STATE_LOCKED when another process has it, CONFIG_INVALID when it cannot be written.
   */
  static async open(options: StateDirectoryOptions): Promise<StateDirectory> {
    const folder = path.resolve(options.stateDir, options.applicationId);
    const holderFile = path.join(folder, 'holder.json');
    try {
      await mkdir(folder, { recursive: true });
      const lock = await RocksDbEngine.open(path.join(folder, lockName), engineMemory(0, 1));
      const since = new Date(options.clock.nowMs()).toISOString();
      await writeFile(holderFile, `${JSON.stringify({ pid, since })}\n`);
      return new StateDirectory(folder, options, lock);
    } catch (error) {
      throw await notOurs(folder, holderFile, error);
    }
  }

  async tasks(): Promise<readonly string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    const isTask = (name: string): boolean => name !== lockName && !name.includes(setAsideMark);
    return entries
      .filter((each) => each.isDirectory() && isTask(each.name))
      .map(({ name }) => name);
  }

  /**
   * The task's engine, fresh if there is none that can be trusted.
   * @throws STATE_LOCKED when the task's engine is open already.
   */
  async openEngine(task: string, rules: TrustRules): Promise<StateEngine> {
    const folder = path.join(this.folder, task);
    try {
      const engine = await RocksDbEngine.open(folder, this.#options.memory);
      const reason = distrustOf(engine.position(), rules, this.#options.clock.nowMs());
      if (reason === undefined) return engine;
      await engine.close();
      await this.setAside(task, reason);
    } catch (error) {
      if (!isRollguardError(error, 'STATE_DAMAGED')) throw error;
      await this.setAside(task, 'damaged', error);
    }
    return RocksDbEngine.open(folder, this.#options.memory);
  }

  /** Renames the task's folder, whose engine is closed. A task without one is left alone. */
  async setAside(task: string, reason: SetAsideReason, error?: unknown): Promise<void> {
    if (!existsSync(path.join(this.folder, task))) return;
    const { applicationId, clock, logger } = this.#options;
    const prefix = `${task}${setAsideMark}`;
    // Without colons, which not every file system takes; text order stays time order.
    const time = new Date(clock.nowMs()).toISOString().replaceAll(':', '-');
    const kept = path.join(this.folder, `${prefix}${time}-${reason}`);
    await rename(path.join(this.folder, task), kept);
    this.#setAsides.add(1, { application: applicationId, reason });
    logger.warn('a local store was set aside; a fresh one is restored from the changelog', {
      task,
      reason,
      kept,
      ...(error === undefined ? {} : { error }),
    });
    const names = (await readdir(this.folder)).filter((name) => name.startsWith(prefix));
    for (const name of names.toSorted().slice(0, -setAsideMax)) {
      await rm(path.join(this.folder, name), { recursive: true, force: true });
    }
  }

  /** Gives the folder free. The tasks' engines are closed by their owners, before. */
  close(): Promise<void> {
    return this.#lock.close();
  }
}

async function notOurs(folder: string, holderFile: string, cause: unknown): Promise<unknown> {
  if (isRollguardError(cause, 'STATE_LOCKED')) {
    const holder = (await readFile(holderFile, 'utf8').catch(() => 'unknown')).trim();
    const message = `the state folder ${folder} is in use (holder: ${holder}); stop that process or set ROLLGUARD_STATE_DIR to another folder`;
    return new RollguardError('STATE_LOCKED', message, { cause, context: { folder, holder } });
  }
  if (isRollguardError(cause, 'STATE_DAMAGED')) {
    const message = `the lock in the state folder ${folder} is damaged: delete ${folder}/lock, which holds no data`;
    return new RollguardError('CONFIG_INVALID', message, { cause, context: { folder } });
  }
  const message = `the state folder ${folder} cannot be written (${messageOf(cause)}); set ROLLGUARD_STATE_DIR to a folder that can`;
  return new RollguardError('CONFIG_INVALID', message, { cause, context: { folder } });
}
