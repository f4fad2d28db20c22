/** A task's processors, wired to its stores, its outputs and its clock. */
import { assert } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Expiry } from '../stores/expiry.ts';
import { StreamTime } from '../stores/stream-time.ts';
import { TaskExpiry } from '../stores/task-expiry.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { RecordOrigin } from './processor.ts';
import type { PunctuationQueue } from './punctuation.ts';
import type { RecordCollector } from './record-collector.ts';
import { TaskGraph, type GraphHost } from './task-graph.ts';
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
  const { subTopology, applicationId, partition, collector, punctuations, clock } = options;
  const { stores, expiry } = openStores(options);
  return new TaskGraph(subTopology, {
    applicationId,
    partition,
    ...{ stores, expiry },
    send: (sink, record) => collector.send(sink, topicName(sink.topic, applicationId), record),
    schedule: (intervalMs, type, punctuate) =>
      punctuations.add({ intervalMs, type, punctuate }, clock.nowMs()),
    origin: options.origin,
    streamTimeMs: options.streamTimeMs,
    nowMs: () => clock.nowMs(),
  });
}

function openStores({
  subTopology,
  state,
}: OpenTaskGraphOptions): Pick<GraphHost, 'stores' | 'expiry'> {
  const stores = new Map<string, unknown>();
  if (subTopology.stores.length === 0) return { stores, expiry: undefined };
  assert(state !== undefined, 'a sub-topology with stores has a changelog');
  const time = new StreamTime(state);
  const expiries: Expiry[] = [];
  for (const builder of subTopology.stores) {
    const { store, expiry } = builder.open({ state, time });
    stores.set(builder.name, store);
    if (expiry !== undefined) expiries.push(expiry);
  }
  return { stores, expiry: expiries.length === 0 ? undefined : new TaskExpiry(time, expiries) };
}
