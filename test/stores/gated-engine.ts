/** A StateEngine whose answers and writes wait until the test lets them go, or fail, or never happen. */
import { RollguardError } from '../../kernel/errors.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from '../../stores/state-engine.ts';

export class GatedEngine implements StateEngine {
  readonly #inner: StateEngine;
  #reads: (() => void)[] = [];
  #write: { readonly go: () => void; readonly fail: () => void } | undefined;
  holdsReads = false;
  holdsWrites = false;

  constructor(inner: StateEngine) {
    this.#inner = inner;
  }

  get isWriting(): boolean {
    return this.#write !== undefined;
  }

  position(): ChangelogPosition | undefined {
    return this.#inner.position();
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    const answer = this.#inner.getMany(keys);
    if (this.holdsReads) await new Promise<void>((resolve) => this.#reads.push(resolve));
    return answer;
  }

  range(query: RangeQuery): Promise<readonly StateEntry[]> {
    return this.#inner.range(query);
  }

  async write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    if (this.holdsWrites) {
      await new Promise<void>((resolve, reject) => {
        this.#write = {
          go: resolve,
          fail: () => reject(new RollguardError('STORE_FAILED', 'no space left')),
        };
      });
      this.#write = undefined;
    }
    await this.#inner.write(changes, position);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  releaseReads(): void {
    for (const release of this.#reads.splice(0)) release();
  }

  releaseWrite(): void {
    this.#write?.go();
  }

  failWrite(): void {
    this.#write?.fail();
    this.#write = undefined;
  }
}
