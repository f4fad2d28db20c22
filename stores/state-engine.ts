/**
 * The bytes of one task: an ordered map that keeps, in the same atomic write, the changelog position
 * it reflects. So a crash needs no wipe: the engine reopens at its last position and the changelog's
 * tail is replayed. Implementations: `rocksdb-engine.ts`, `memory-engine.ts`; both pass
 * `test/contract/state-engine.ts`.
 */

/** How far an engine's content follows its changelog. */
export interface ChangelogPosition {
  /** Kafka's topic id of the changelog: a position in another topic means nothing. */
  readonly topicId: string;
  /** Offset of the first changelog record that is not in the engine. */
  readonly offset: number;
  /**
   * Wall-clock time at which nothing else was in the changelog. The longer ago, the more tombstones
   * behind the offset may have been cleaned away unseen: older than their retention, it is set aside.
   */
  readonly writtenAtMs: number;
}

export interface StateChange {
  readonly key: Buffer;
  /** Undefined deletes the key. */
  readonly value: Buffer | undefined;
}

export type StateEntry = readonly [key: Buffer, value: Buffer];

export interface RangeQuery {
  /** First key of the range. */
  readonly gte: Buffer;
  /** First key after the range; undefined: to the end. */
  readonly lt?: Buffer | undefined;
  /** At most this many entries come back. */
  readonly limit: number;
  /** From the range's end backwards. */
  readonly reverse?: boolean | undefined;
}

/** Reads answer as of the moment they are called, whatever is written while they are under way. */
export interface StateEngine {
  /** Undefined: nothing was ever written. */
  position(): ChangelogPosition | undefined;
  /** One answer per key, in the same order. */
  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** Entries in unsigned byte order of their keys. */
  range(query: RangeQuery): Promise<readonly StateEntry[]>;
  /** Applies the changes (last one of a key wins) and the position, all or nothing. */
  write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void>;
  /** Waits for what is under way; afterwards everything answers STORE_CLOSED. */
  close(): Promise<void>;
}
