/**
 * A StateEngine that lives and dies with its process: for tests, the simulator, and applications that
 * restore from the changelog at every start. Copies what it is given, as an engine on disk does: a
 * caller's key may be a slice of a megabyte that came over the network.
 */
import { RollguardError } from '../kernel/errors.ts';
import { keyName } from './key-name.ts';
import { OrderedMap } from './ordered-map.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from './state-engine.ts';

export class MemoryEngine implements StateEngine {
  readonly #entries = new OrderedMap<StateEntry>();
  #position: ChangelogPosition | undefined;
  #closed = false;

  position(): ChangelogPosition | undefined {
    return this.#position;
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#answer(() => keys.map((key) => this.#entries.get(keyName(key))?.[1]));
  }

  range({ gte, lt, limit, reverse }: RangeQuery): Promise<readonly StateEntry[]> {
    return this.#answer(() => {
      const found: StateEntry[] = [];
      const to = lt === undefined ? undefined : keyName(lt);
      for (const [, entry] of this.#entries.walk({ from: keyName(gte), to, reverse })) {
        if (found.length >= limit) break;
        found.push(entry);
      }
      return found;
    });
  }

  write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    return this.#answer(() => {
      for (const { key, value } of changes) {
        const name = keyName(key);
        if (value === undefined) this.#entries.delete(name);
        else this.#entries.set(name, [Buffer.from(key), Buffer.from(value)]);
      }
      this.#position = position;
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #answer<T>(work: () => T): Promise<T> {
    if (!this.#closed) return Promise.resolve(work());
    return Promise.reject(new RollguardError('STORE_CLOSED', 'the memory engine is closed'));
  }
}
