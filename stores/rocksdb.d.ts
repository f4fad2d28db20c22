/** The part of the `rocksdb` package (5.2; it brings no types) that `rocksdb-engine.ts` uses. */
declare module 'rocksdb' {
  export type Done<T = void> = (error: Error | null | undefined, result: T) => void;

  export interface OpenOptions {
    readonly createIfMissing: boolean;
    /** Bytes of blocks kept in memory. */
    readonly cacheSize: number;
    /** Bytes of one memtable; two may exist at a time. */
    readonly writeBufferSize: number;
    readonly maxOpenFiles: number;
  }

  export interface IteratorOptions {
    readonly gte: Buffer;
    readonly lt: Buffer;
    readonly limit: number;
    readonly reverse: boolean;
    /** Bytes read ahead in one go. */
    readonly highWaterMark: number;
  }

  export interface EntryIterator {
    /** Calls back without a key at the end. */
    next(done: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
    end(done: Done): void;
  }

  export interface ChainedBatch {
    put(key: Buffer, value: Buffer): this;
    del(key: Buffer): this;
    write(options: { readonly sync: boolean }, done: Done): void;
  }

  // The package itself has a default export only.
  // eslint-disable-next-line no-restricted-syntax
  export default class RocksDb {
    constructor(folder: string);
    open(options: OpenOptions, done: Done): void;
    close(done: Done): void;
    getMany(keys: readonly Buffer[], done: Done<(Buffer | undefined)[]>): void;
    batch(): ChainedBatch;
    iterator(options: IteratorOptions): EntryIterator;
  }
}
