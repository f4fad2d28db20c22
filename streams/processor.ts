/**
 * What a user of the engine writes: processors, and what the engine gives them. Kafka Streams'
 * Processor API in TypeScript. A processor sees one record at a time and is the only writer of the
 * stores connected to it in its task.
 */
import type { RecordHeader } from './kafka/port.ts';

/** A value now, or later when something had to be read from disk. */
export type MaybePromise<T> = T | Promise<T>;

/** True for a promise of any realm. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

export interface StreamRecord<K, V> {
  readonly key: K;
  readonly value: V;
  /** Event time, milliseconds since 1970; the input record's unless a processor chose another. */
  readonly timestampMs: number;
  readonly headers?: readonly RecordHeader[];
}

/** Where the record being processed came from. */
export interface RecordOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export type PunctuationType = 'stream-time' | 'wall-clock';

export interface Cancellable {
  cancel(): void;
}

export interface ProcessorContext {
  readonly applicationId: string;
  readonly subTopology: string;
  /** The task's partition; with the sub-topology's name it is the task's id. */
  readonly partition: number;
  /** A store connected to this processor by the topology, of the kind it was declared as. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- only the topology knows
  store<Store>(name: string): Store;
  /** Hands a record to the children, or to the one named; await what it returns. */
  forward(record: StreamRecord<unknown, unknown>, child?: string): MaybePromise<void>;
  /**
   * Calls back every `intervalMs`: by stream time (the highest record timestamp seen; at most once a
   * record however far it moved) or by the wall clock.
   */
  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => MaybePromise<void>,
  ): Cancellable;
  /** Undefined inside a punctuation. */
  origin(): RecordOrigin | undefined;
  /** Highest record timestamp this task has seen, −1 before the first. */
  streamTimeMs(): number;
  nowMs(): number;
}

export interface Processor<K, V> {
  init?(context: ProcessorContext): MaybePromise<void>;
  /** Called with a poll's records before they are processed: the place to `load` their keys together. */
  load?(records: readonly StreamRecord<K, V>[]): MaybePromise<void>;
  process(record: StreamRecord<K, V>): MaybePromise<void>;
  /**
   * Decides a request from outside (`KafkaStreams.call`); only on a node that `answersCalls`. The answer
   * goes out after the commit of what was written here or before; at once when nothing was. To refuse a request throw an error whose reaction
   * is 'reject', before anything is written; any other error fails the task.
   */
  call?(request: unknown): MaybePromise<unknown>;
  /** As `load`, for the calls of one batch. */
  loadCalls?(requests: readonly unknown[]): MaybePromise<void>;
  close?(): void;
}

/** One processor instance a task. */
export type ProcessorSupplier<K, V> = () => Processor<K, V>;
