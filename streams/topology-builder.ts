/**
 * Describes a computation as data: named sub-topologies of sources, processors, stores and sinks, and
 * the internal topics between them. No I/O, no clock. `build` checks the whole graph and names every
 * mistake. A sub-topology's given name is part of its tasks' ids, transactional ids, changelog topic
 * and state folder: it outlives upgrades, so it is given, never numbered.
 */
import { RollguardError } from '../kernel/errors.ts';
import type { StoreBuilder } from '../stores/store-builder.ts';
import type { FetchedRecord } from './kafka/port.ts';
import type { MaybePromise, ProcessorSupplier, RecordOrigin, StreamRecord } from './processor.ts';

/** A topic of the engine's own: its real name is `<application.id>-<name>`. */
export interface InternalTopic {
  readonly internal: string;
}
export type TopicReference = string | InternalTopic;

export interface InternalTopicSettings {
  readonly partitionCount: number;
  readonly configs?: Readonly<Record<string, string>>;
}

/** Undefined: the record is passed over (a tombstone, say). */
export type Deserializer<K, V> = (
  record: FetchedRecord,
  origin: RecordOrigin,
) => MaybePromise<StreamRecord<K, V> | undefined>;

export interface SourceNode {
  readonly kind: 'source';
  readonly name: string;
  readonly topics: readonly TopicReference[];
  readonly deserialize: Deserializer<unknown, unknown>;
}

export interface ProcessorNode {
  readonly kind: 'processor';
  readonly name: string;
  readonly parents: readonly string[];
  readonly supplier: ProcessorSupplier<unknown, unknown>;
  readonly stores: readonly string[];
  /** Calls from outside are decided by this node; at most one in a sub-topology. */
  readonly answersCalls: boolean;
}

/** Bytes of one output record; undefined: nothing is written. */
export interface SerializedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface SinkNode {
  readonly kind: 'sink';
  readonly name: string;
  readonly parents: readonly string[];
  readonly topic: TopicReference;
  readonly serialize: (record: StreamRecord<unknown, unknown>) => SerializedRecord;
  /** Which partition, or 'all' to write the record to every one; by default Kafka's murmur2 of the key. */
  readonly partition?: (
    record: StreamRecord<unknown, unknown>,
    partitionCount: number,
  ) => number | 'all' | undefined;
}

export interface SubTopology {
  readonly name: string;
  readonly sources: readonly SourceNode[];
  readonly processors: readonly ProcessorNode[];
  readonly sinks: readonly SinkNode[];
  readonly stores: readonly StoreBuilder[];
}

export interface Topology {
  readonly subTopologies: readonly SubTopology[];
  readonly internalTopics: ReadonlyMap<string, InternalTopicSettings>;
}

interface Draft {
  readonly sources: SourceNode[];
  readonly processors: ProcessorNode[];
  readonly sinks: SinkNode[];
  readonly stores: StoreBuilder[];
}

/** Adds nodes to one sub-topology; every call returns the builder. */
export class SubTopologyBuilder {
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  source<K, V>(
    name: string,
    options: {
      readonly topics: readonly TopicReference[];
      readonly deserialize: Deserializer<K, V>;
    },
  ): this {
    this.#draft.sources.push({ kind: 'source', name, ...options });
    return this;
  }

  processor<K, V>(
    name: string,
    options: {
      readonly parents: readonly string[];
      readonly supplier: ProcessorSupplier<K, V>;
      readonly stores?: readonly string[];
      readonly answersCalls?: boolean;
    },
  ): this {
    const { supplier } = options as unknown as ProcessorNode;
    const { parents, stores = [], answersCalls = false } = options;
    const node = { kind: 'processor', name, parents, supplier, stores, answersCalls } as const;
    this.#draft.processors.push(node);
    return this;
  }

  store(builder: StoreBuilder): this {
    this.#draft.stores.push(builder);
    return this;
  }

  sink<K, V>(
    name: string,
    options: {
      readonly parents: readonly string[];
      readonly topic: TopicReference;
      readonly serialize: (record: StreamRecord<K, V>) => SerializedRecord;
      readonly partition?: (
        record: StreamRecord<K, V>,
        partitionCount: number,
      ) => number | 'all' | undefined;
    },
  ): this {
    this.#draft.sinks.push({ kind: 'sink', name, ...options } as unknown as SinkNode);
    return this;
  }
}

export class TopologyBuilder {
  readonly #drafts = new Map<string, Draft>();
  readonly #internalTopics = new Map<string, InternalTopicSettings>();

  /** The builder of a sub-topology; the name is for life (see the header). */
  subTopology(name: string): SubTopologyBuilder {
    if (this.#drafts.has(name)) throw invalid(`sub-topology '${name}' is declared twice`);
    const draft: Draft = { sources: [], processors: [], sinks: [], stores: [] };
    this.#drafts.set(name, draft);
    return new SubTopologyBuilder(draft);
  }

  /** Declares a topic between sub-topologies, created by the engine with these settings. */
  internalTopic(name: string, settings: InternalTopicSettings): InternalTopic {
    if (this.#internalTopics.has(name)) throw invalid(`internal topic '${name}' is declared twice`);
    this.#internalTopics.set(name, settings);
    return { internal: name };
  }

  build(): Topology {
    const subTopologies = [...this.#drafts].map(([name, draft]) => ({ name, ...draft }));
    if (subTopologies.length === 0) throw invalid('the topology has no sub-topology');
    for (const subTopology of subTopologies) checkSubTopology(subTopology, this.#internalTopics);
    return { subTopologies, internalTopics: new Map(this.#internalTopics) };
  }
}

/** The topic's name on the broker. */
export function topicName(topic: TopicReference, applicationId: string): string {
  return typeof topic === 'string' ? topic : `${applicationId}-${topic.internal}`;
}

/** A sub-topology's sources by the names that their topics have on Kafka. */
export function sourcesByTopic(
  { sources }: SubTopology,
  applicationId: string,
): ReadonlyMap<string, SourceNode> {
  return new Map(
    sources.flatMap((source) =>
      source.topics.map((topic) => [topicName(topic, applicationId), source] as const),
    ),
  );
}

/** The one changelog topic of a sub-topology's stores. */
export function changelogTopic(subTopology: string, applicationId: string): string {
  return `${applicationId}-${subTopology}-changelog`;
}

// Kafka's rule for topic names; task ids also become folder names.
const legalName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function checkSubTopology(
  subTopology: SubTopology,
  internalTopics: ReadonlyMap<string, InternalTopicSettings>,
): void {
  const where = `sub-topology '${subTopology.name}'`;
  if (!legalName.test(subTopology.name))
    throw invalid(`${where}: the name must match ${legalName.source}`);
  if (subTopology.sources.length === 0) throw invalid(`${where} has no source`);
  const nodes = checkNames(subTopology, where);
  checkParents(subTopology, nodes, where);
  checkStores(subTopology, where);
  if (subTopology.processors.filter((node) => node.answersCalls).length > 1) {
    throw invalid(`${where}: only one node can answer calls`);
  }
  const topics = [
    ...subTopology.sources.flatMap((s) => s.topics),
    ...subTopology.sinks.map((s) => s.topic),
  ];
  for (const topic of topics) {
    if (typeof topic !== 'string' && !internalTopics.has(topic.internal)) {
      throw invalid(`${where}: internal topic '${topic.internal}' is not declared`);
    }
  }
}

function checkNames(
  subTopology: SubTopology,
  where: string,
): ReadonlyMap<string, { kind: string }> {
  const nodes = new Map<string, { kind: string }>();
  for (const node of [...subTopology.sources, ...subTopology.processors, ...subTopology.sinks]) {
    if (nodes.has(node.name)) throw invalid(`${where}: node '${node.name}' is declared twice`);
    nodes.set(node.name, node);
  }
  return nodes;
}

function checkParents(
  subTopology: SubTopology,
  nodes: ReadonlyMap<string, { kind: string }>,
  where: string,
): void {
  // A parent must be declared before its child, which also rules out cycles.
  const declared = new Set(subTopology.sources.map((source) => source.name));
  for (const node of [...subTopology.processors, ...subTopology.sinks]) {
    if (node.parents.length === 0) throw invalid(`${where}: node '${node.name}' has no parent`);
    for (const parent of node.parents) {
      if (nodes.get(parent)?.kind === 'sink')
        throw invalid(`${where}: sink '${parent}' has a child`);
      if (!declared.has(parent)) {
        throw invalid(`${where}: parent '${parent}' of '${node.name}' is not declared before it`);
      }
    }
    declared.add(node.name);
  }
}

function checkStores(subTopology: SubTopology, where: string): void {
  const names = new Set<string>();
  for (const { name } of subTopology.stores) {
    if (names.has(name)) throw invalid(`${where}: store '${name}' is declared twice`);
    names.add(name);
  }
  const connected = new Set(subTopology.processors.flatMap((processor) => processor.stores));
  for (const name of connected) {
    if (!names.has(name)) throw invalid(`${where}: store '${name}' is connected but not declared`);
  }
  for (const name of names) {
    if (!connected.has(name))
      throw invalid(`${where}: store '${name}' is connected to no processor`);
  }
}

function invalid(message: string): RollguardError {
  return new RollguardError('TOPOLOGY_INVALID', message);
}
