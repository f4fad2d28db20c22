/** What runs in a simulated world, and what must hold of it afterwards. */
import type { Topology } from '../../streams/index.ts';
import type { InProcessKafka } from '../in-process-kafka.ts';
import type { SimulatedInput, Step } from './schedule.ts';
import type { Random } from '../../kernel/random.ts';

/** What one caller was told of one attempt. */
export interface Attempt {
  readonly id: string;
  readonly call: unknown;
  readonly partition: number;
  readonly machine: number;
  /** End of the committed log of the partition's outputs when it was asked. */
  readonly askedAtEnd: number;
  /** unknown: nothing was heard, or that it is not known. */
  outcome: 'unknown' | 'answered' | 'refused';
  answer: unknown;
  /** Why it was refused, or is unknown. */
  code: string;
}

export interface SimulatedCall {
  readonly subTopology: string;
  readonly partition: number;
  readonly request: unknown;
}

/** One store's committed content, by key. */
export type StoreContent = ReadonlyMap<string, string>;

/** What is there when everything has come to rest. */
export interface FinalState {
  readonly kafka: InProcessKafka;
  readonly attempts: readonly Attempt[];
  readonly inputs: readonly SimulatedInput[];
  /** Of every task that serves, the bytes of its store. */
  readonly stores: ReadonlyMap<string, StoreContent>;
}

export interface Scenario {
  readonly topics: Readonly<Record<string, number>>;
  readonly topology: () => Topology;
  /** Topic whose partitions tell how far a caller's partition had come. */
  readonly outputTopic: string;
  /** The request of one attempt; undefined: there is nothing to ask now. */
  readonly requestOf: (call: unknown, id: string) => SimulatedCall | undefined;
  /** How long it is left alone once it has come to rest: until no time to live still runs. */
  readonly settleMs?: number;
  readonly answered?: (call: unknown, answer: unknown) => void;
  /** Everything that must not be. */
  readonly violations: (state: FinalState) => readonly string[];
}

export type WorkloadSteps = (options: {
  readonly random: Random;
  readonly partitions: number;
  readonly untilMs: number;
}) => readonly Step[];
