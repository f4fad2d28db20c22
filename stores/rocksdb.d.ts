/** What we use of the `rocksdb` package (abstract-leveldown 7), which brings no types. */
declare module 'rocksdb' {
  export type Done = (error?: Error | null) => void;

  export interface Operation {
    readonly type: 'put' | 'del';
    readonly key: Buffer;
    readonly value?: Buffer;
  }

  export interface OpenOptions {
    readonly createIfMissing: boolean;
    readonly cacheSize: number;
    readonly writeBufferSize: number;
    readonly maxOpenFiles: number;
    readonly compression: boolean;
  }

  export interface IteratorOptions {
    readonly gte?: Buffer;
    readonly lte?: Buffer;
    readonly lt?: Buffer;
    readonly reverse: boolean;
    readonly limit: number;
    readonly highWaterMark?: number;
    readonly fillCache: boolean;
  }

  export interface RocksIterator {
    next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
    end(callback: Done): void;
  }

  export interface Database {
    open(options: OpenOptions, callback: Done): void;
    close(callback: Done): void;
    getMany(
      keys: readonly Buffer[],
      callback: (error: Error | null | undefined, values?: (Buffer | undefined)[]) => void,
    ): void;
    batch(operations: readonly Operation[], callback: Done): void;
    iterator(options: IteratorOptions): RocksIterator;
  }

  function rocksdb(location: string): Database;
  // The package itself has a default export only.
  // eslint-disable-next-line no-restricted-syntax
  export default rocksdb;
}
