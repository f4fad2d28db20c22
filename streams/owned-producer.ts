/**
 * A task's producer across its ownerships: each begins by fencing whoever wrote before, and by ending that
 * one's last transaction once more. A broker that restarts while it writes end markers can lose them (ADR 0003):
 * nobody would read past what was written then, and the next end, whatever it is, would count for it.
 */
import type { ChangelogPartition } from './commit.ts';
import { deadLetterTopic } from './dead-letter.ts';
import { partitionName } from './kafka/partition-name.ts';
import type { TopicPartition } from './kafka/port.ts';
import type { TaskEnvironment } from './task-environment.ts';
import { formatTaskId, type TaskId } from './task-id.ts';
import type { TaskProducer } from './task-producer.ts';
import { topicName, type SubTopology } from './topology-builder.ts';

export interface OwnedProducerOptions {
  readonly id: TaskId;
  readonly subTopology: SubTopology;
  readonly changelog: ChangelogPartition | undefined;
  readonly environment: TaskEnvironment;
}

export class OwnedProducer {
  readonly #options: OwnedProducerOptions;
  #producer: TaskProducer | undefined;

  constructor(options: OwnedProducerOptions) {
    this.#options = options;
  }

  /** Undefined: the next ownership takes the transactional id, whoever has it, instead of going on with it. */
  get current(): TaskProducer | undefined {
    return this.#producer;
  }

  async fence(): Promise<void> {
    const { environment, id } = this.#options;
    const before = this.#producer;
    await before?.recover();
    const producer = before ?? (await environment.openProducer(id));
    if (before === undefined) this.#producer = producer;
    // It may have been forgotten meanwhile; then this ownership ends before it serves.
    await this.#endAgain(producer);
  }

  /** The transactional id may be somebody else's by now: the next ownership initialises it anew. */
  forget(): void {
    this.#producer = undefined;
  }

  async #endAgain(producer: TaskProducer): Promise<void> {
    const { environment, id } = this.#options;
    const groupId = environment.config.applicationId;
    const repeated = await producer.repeatEnd({ partitions: this.#written(), groupId });
    if (repeated === undefined || repeated.partitions.length === 0) return;
    environment.logger.warn(
      'the last transaction was still open in the log, and is ended as it was decided',
      {
        ...{ task: formatTaskId(id), end: repeated.end },
        partitions: repeated.partitions.map(partitionName),
      },
    );
  }

  /** Every partition that a transaction of the task may have written to. */
  #written(): readonly TopicPartition[] {
    const { environment, subTopology, changelog } = this.#options;
    const { config, topics } = environment;
    const names = subTopology.sinks.map(({ topic }) => topicName(topic, config.applicationId));
    const partitions = [...names, deadLetterTopic(config)].flatMap((topic) =>
      Array.from({ length: topics.find(topic).partitionCount ?? 0 }, (_, partition) => ({
        ...{ topic, partition },
      })),
    );
    return changelog === undefined ? partitions : [...partitions, changelog];
  }
}
