/**
 * What is going to happen in one simulated history, as a list: a seed makes it, shrinking leaves parts
 * of it out. Everything else that is random (delays, ties) comes from the seed alone.
 */
import type { Fault, RequestKind } from '../in-process-kafka.ts';

interface At {
  readonly atMs: number;
}

interface OfMachine extends At {
  readonly machine: number;
}

export type Step =
  /** A process starts on the machine, if none runs there. */
  | (OfMachine & { readonly kind: 'start' })
  /** kill -9; of the last batches on the disk the part `keep` survives. */
  | (OfMachine & { readonly kind: 'kill'; readonly keep: number; readonly losesDisk: boolean })
  | (OfMachine & { readonly kind: 'stop' })
  | (OfMachine & { readonly kind: 'pause'; readonly forMs: number })
  /** The machine's wall clock is set. */
  | (OfMachine & { readonly kind: 'clock'; readonly byMs: number })
  /** The next `count` requests of this kind have this fault. */
  | (OfMachine & {
      readonly kind: 'fault';
      readonly request: RequestKind;
      readonly fault: Exclude<Fault, 'ok'>;
      readonly count: number;
      readonly lateMs: number;
    })
  /** The next `count` requests of this kind, or their answers, take this much longer. */
  | (OfMachine & {
      readonly kind: 'delay';
      readonly request: RequestKind;
      readonly leg: 'request' | 'answer';
      readonly count: number;
      readonly byMs: number;
    })
  /** No request of the machine gets through. */
  | (OfMachine & { readonly kind: 'cut'; readonly forMs: number })
  | (OfMachine & { readonly kind: 'slow-disk'; readonly forMs: number; readonly byMs: number })
  /** The broker goes away and comes back; what it ends while it goes may never get its end markers. */
  | (At & { readonly kind: 'restart'; readonly forMs: number; readonly losesMarkers: boolean })
  /** The brokers' cleaner passes over the changelogs. */
  | (At & { readonly kind: 'clean' })
  | (At & { readonly kind: 'input'; readonly input: SimulatedInput })
  | (At & { readonly kind: 'call'; readonly call: unknown });

/** What happens to one machine. */
export type MachineStep = Extract<Step, OfMachine>;

/** A record that somebody else writes. */
export interface SimulatedInput {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly value: string;
}

export interface Schedule {
  readonly seed: number;
  /** streams: the guard, with the platform's reservations and commands. */
  readonly scenario: 'count' | 'guard' | 'streams';
  readonly machines: number;
  readonly partitions: number;
  /** When the last step is over and only what must work is left. */
  readonly calmAtMs: number;
  readonly settings: SimulatedSettings;
  readonly steps: readonly Step[];
}

/** The engine's settings that make a difference to what can go wrong. */
export interface SimulatedSettings {
  readonly commitIntervalMs: number;
  readonly pollTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly transactionRecordsMax: number;
  readonly sessionTimeoutMs: number;
  readonly checkpointIntervalMs: number;
  readonly checkpointRecordsMax: number;
  readonly tombstoneRetentionMs: number;
  readonly cacheBytesMax: number;
  readonly numStandbyReplicas: number;
  readonly acceptableRecoveryLag: number;
  /** 1: members are static. */
  readonly isStatic: number;
  /** Records of a partition that one fetch brings. */
  readonly fetchRecordsMax: number;
  /** Part of the requests, and of the answers, that take a few milliseconds more. */
  readonly jitter: number;
}

/** Steps in the order of their times. */
export function inOrder(steps: readonly Step[]): readonly Step[] {
  return steps.toSorted((one, other) => one.atMs - other.atMs);
}

export function describeStep(step: Step): string {
  const { kind, atMs, ...what } = step;
  const details = Object.entries(what).map(([name, value]) => `${name}=${textOf(value)}`);
  return `${(atMs / 1_000).toFixed(3).padStart(8)} s  ${kind} ${details.join(' ')}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
