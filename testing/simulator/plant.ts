/** A bug on purpose, to see that the simulator finds it: what it puts in the place of the real thing. */
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { Topology } from '../../streams/index.ts';
import type { InProcessKafka } from '../in-process-kafka.ts';
import type { Send } from '../in-process/in-process-client.ts';
import type { PartitionLog } from '../in-process/partition-log.ts';
import type { DiskRules } from './simulated-disk.ts';

export interface Plant {
  /** What is wrong, in a sentence. */
  readonly summary: string;
  readonly port?: (port: KafkaPort, cluster: InProcessKafka) => KafkaPort;
  readonly send?: (send: Send) => Send;
  readonly topology?: (topology: Topology) => Topology;
  readonly disk?: DiskRules;
  readonly newLog?: () => PartitionLog;
  /** What becomes of the answer to a call that went to another machine. */
  readonly forwarded?: (
    answer: Promise<unknown>,
    again: () => Promise<unknown>,
  ) => Promise<unknown>;
  readonly cluster?: (cluster: InProcessKafka) => void;
}
