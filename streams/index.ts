/** The engine's public entry: what a topology and an application need. Nothing else is public. */
export { KafkaStreams, standbyStatus } from './kafka-streams.ts';
export type {
  CloseOptions,
  KafkaStreamsOptions,
  StoreQuery,
  StoreView,
  StreamsStatus,
  TaskReport,
  TaskOwner,
} from './kafka-streams.ts';
export { TopologyBuilder, SubTopologyBuilder } from './topology-builder.ts';
export type {
  Topology,
  InternalTopic,
  Deserializer,
  SerializedRecord,
} from './topology-builder.ts';
export { deadLetterHeaders } from './dead-letter.ts';
export { describeTopology, type TopologyDescription } from './topology-description.ts';
export { renderTopologyText } from './topology-text.ts';
export { renderTopologyMermaid } from './topology-mermaid.ts';
export type {
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  StreamRecord,
  RecordOrigin,
  PunctuationType,
  Cancellable,
  MaybePromise,
} from './processor.ts';
export type { StreamsOptions } from './streams-config.ts';
export type { PartitionBacklog } from './record-queue.ts';
export type { KafkaPort, FetchedRecord, RecordHeader, TopicDescription } from './kafka/port.ts';
export {
  bytesSerde,
  compositeSerde,
  int64Serde,
  rememberingSerde,
  jsonSerde,
  stringSerde,
  type Serde,
} from '../stores/serde.ts';
export {
  keyValueStore,
  sessionStore,
  windowStore,
  type StoreBuilder,
} from '../stores/store-builder.ts';
export type { KeyValueStore, ReadOnlyKeyValueStore } from '../stores/key-value-store.ts';
export type { WindowStore, ReadOnlyWindowStore } from '../stores/window-store.ts';
export type { SessionStore, ReadOnlySessionStore } from '../stores/session-store.ts';
export type { Windowed } from '../stores/windowed.ts';
