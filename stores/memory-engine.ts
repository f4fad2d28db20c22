/**
 * A StateEngine that lives and dies with its process: for tests, the simulator, and applications that
 * restore from the changelog at every start.
 */
import { RollguardError } from '../kernel/errors.ts';
import { SortedMap } from './sorted-map.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from './state-engine.ts';

export class MemoryEngine implements StateEngine {
  /** By latin1 text of the key: lossless, and its order is byte order. */
  readonly #entries = new SortedMap<StateEntry>();
  #position: ChangelogPosition | undefined;
  #closed = false;

  position(): ChangelogPosition | undefined {
    return this.#position;
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    this.#checkOpen();
    return Promise.resolve(keys.map((key) => this.#entries.get(key.toString('latin1'))?.[1]));
  }

  range({ gte, lt, limit, reverse = false }: RangeQuery): Promise<readonly StateEntry[]> {
    this.#checkOpen();
    const found: StateEntry[] = [];
    const range = { from: gte.toString('latin1'), to: lt?.toString('latin1') };
    for (const entry of this.#entries.range(range, reverse)) {
      if (found.length >= limit) break;
      found.push(entry);
    }
    return Promise.resolve(found);
  }

  write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    this.#checkOpen();
    for (const { key, value } of changes) {
      const name = key.toString('latin1');
      if (value === undefined) this.#entries.delete(name);
      else this.#entries.set(name, [key, value]);
    }
    this.#position = position;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #checkOpen(): void {
    if (this.#closed) throw new RollguardError('STORE_CLOSED', 'the memory engine is closed');
  }
}
