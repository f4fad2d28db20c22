/** A task's processors, wired to its stores, its outputs and its clock. */
import { assert } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { RecordOrigin } from './processor.ts';
import type { PunctuationQueue } from './punctuation.ts';
import type { RecordCollector } from './record-collector.ts';
import { TaskGraph } from './task-graph.ts';
import { topicName, type SubTopology } from './topology-builder.ts';

export interface OpenTaskGraphOptions {
  readonly subTopology: SubTopology;
  readonly applicationId: string;
  readonly partition: number;
  /** Absent for a sub-topology without stores. */
  readonly state: TaskState | undefined;
  readonly collector: RecordCollector;
  readonly punctuations: PunctuationQueue;
  readonly clock: Clock;
  readonly origin: () => RecordOrigin | undefined;
  readonly streamTimeMs: () => number;
}

export function openTaskGraph(options: OpenTaskGraphOptions): TaskGraph {
  const { subTopology, applicationId, partition, state, collector, punctuations, clock } = options;
  const stores = subTopology.stores.map((builder) => {
    assert(state !== undefined, 'a sub-topology with stores has a changelog');
    return [builder.name, builder.open(state)] as const;
  });
  return new TaskGraph(subTopology, {
    applicationId,
    partition,
    stores: new Map(stores),
    send: (sink, record) => collector.send(sink, topicName(sink.topic, applicationId), record),
    schedule: (intervalMs, type, punctuate) =>
      punctuations.add({ intervalMs, type, punctuate }, clock.nowMs()),
    origin: options.origin,
    streamTimeMs: options.streamTimeMs,
    nowMs: () => clock.nowMs(),
  });
}
