/**
 * A machine's disk: each task's engine as the batches that were written to it. A batch is there for
 * readers at once and on the disk later; a crash keeps the batches up to any point after the last that
 * had reached it, and tears the next one off whole, as RocksDB does with its log.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from '../../stores/state-engine.ts';
import {
  distrustOf,
  type SetAsideReason,
  type StateFolder,
  type TrustRules,
} from '../../stores/state-directory.ts';
import type { SimulatedProcess } from './simulated-process.ts';

export interface WrittenBatch {
  readonly changes: readonly StateChange[];
  readonly position: ChangelogPosition;
}

/** What a bug in the disk's keeper would do; the real rules are `stores/state-directory.ts`. */
export interface DiskRules {
  readonly distrust: typeof distrustOf;
  /** What a crash leaves of the batches, of which `kept` were whole. */
  readonly afterCrash: (batches: readonly WrittenBatch[], kept: number) => readonly WrittenBatch[];
}

export const realDiskRules: DiskRules = {
  distrust: distrustOf,
  afterCrash: (batches, kept) => batches.slice(0, kept),
};

export class SimulatedDisk {
  readonly #rules: DiskRules;
  readonly #batches = new Map<string, WrittenBatch[]>();
  readonly #setAsides: SetAsideReason[] = [];
  /** Extra time that a write takes. */
  slownessMs = 0;

  constructor(rules: DiskRules) {
    this.#rules = rules;
  }

  get setAsides(): readonly SetAsideReason[] {
    return this.#setAsides;
  }

  /** The application's folder, for one process. */
  folder(process: SimulatedProcess): StateFolder {
    return {
      tasks: () => Promise.resolve([...this.#batches.keys()]),
      openEngine: (task, rules) => Promise.resolve(this.#open(task, rules, process)),
      setAside: (task, reason) => {
        if (this.#batches.delete(task)) this.#setAsides.push(reason);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  }

  /** @param keep the part of the last few batches of each task that had reached the disk, 0 to 1. */
  crash(keep: number, unsyncedMax: number): void {
    for (const [task, batches] of this.#batches) {
      const unsynced = Math.min(unsyncedMax, batches.length);
      const kept = batches.length - unsynced + Math.floor(keep * (unsynced + 1));
      const left = this.#rules.afterCrash(batches, Math.min(kept, batches.length));
      if (left.length === 0) this.#batches.delete(task);
      else this.#batches.set(task, [...left]);
    }
  }

  lose(): void {
    this.#batches.clear();
  }

  /** What is there of each task, for verification. */
  tasks(): ReadonlyMap<string, readonly WrittenBatch[]> {
    return this.#batches;
  }

  #open(task: string, rules: TrustRules, process: SimulatedProcess): StateEngine {
    const found = this.#batches.get(task)?.at(-1)?.position;
    const reason = this.#rules.distrust(found, rules, process.nowMs());
    if (reason !== undefined) {
      this.#batches.delete(task);
      this.#setAsides.push(reason);
    }
    const batches = this.#batches.get(task) ?? [];
    this.#batches.set(task, batches);
    return new SimulatedEngine(batches, process, () => this.slownessMs);
  }
}

class SimulatedEngine implements StateEngine {
  readonly #batches: WrittenBatch[];
  readonly #process: SimulatedProcess;
  readonly #slownessMs: () => number;
  readonly #content = new MemoryEngine();
  #running: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(batches: WrittenBatch[], process: SimulatedProcess, slownessMs: () => number) {
    this.#batches = batches;
    this.#process = process;
    this.#slownessMs = slownessMs;
    for (const { changes, position } of batches) void this.#content.write(changes, position);
  }

  position(): ChangelogPosition | undefined {
    return this.#content.position();
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    this.#check();
    const values = await this.#content.getMany(keys);
    return values;
  }

  async range(query: RangeQuery): Promise<readonly StateEntry[]> {
    this.#check();
    const entries = await this.#content.range(query);
    return entries;
  }

  write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    this.#check();
    const writing = this.#write(changes, position);
    this.#running = writing;
    return writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    const slownessMs = this.#slownessMs();
    if (slownessMs > 0) await this.#process.sleep(slownessMs);
    // A process that was killed meanwhile is never here.
    this.#batches.push({ changes: [...changes], position });
    await this.#content.write(changes, position);
  }

  #check(): void {
    if (this.#isClosed) throw new RollguardError('STORE_CLOSED', 'the simulated store is closed');
  }
}
