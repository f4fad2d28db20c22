/**
 * When the platform's changes were last heard of: by the heartbeat that goes through Postgres' log, the
 * connector and Kafka, as every change does. It tells a hotel where nothing happens from a capture that
 * stands still. One of an instance is enough for all that ask.
 */
import { heartbeatMessageTopic, heartbeatTopic } from '../connectors/debezium-topics.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { KafkaPort } from '../streams/index.ts';

export interface CaptureHeartbeatOptions {
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
}

const pollMs = 1_000;
const retryMs = 2_000;
/** Transaction markers lie between the records. */
const tailOffsets = 20;

export class CaptureHeartbeat {
  readonly #options: CaptureHeartbeatOptions;
  readonly #stop = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #heardAtMs = -Infinity;
  #run: Promise<void> | undefined;

  constructor(options: CaptureHeartbeatOptions) {
    this.#options = options;
  }

  /** The time of the last heartbeat, by the broker's clock; −Infinity before the first. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** @param listener called about every second, also when nothing was heard. */
  onTurn(listener: () => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#run ??= this.#listen();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  async #listen(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        logger.debug('the heartbeats of the capture cannot be read', { error });
      }
      this.#turn();
      await clock.sleep(retryMs, signal);
    }
  }

  #turn(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Reads on until it is stopped, or the topic is not there (yet). */
  async #follow(signal: AbortSignal): Promise<void> {
    const { port, topicPrefix } = this.#options;
    const names = [heartbeatMessageTopic(topicPrefix), heartbeatTopic(topicPrefix)];
    const found = await port.admin.describeTopics(names);
    // That of the connector alone is second best: it beats while the database's log stands still.
    const topic = names.find((name) => found.some((each) => each.name === name));
    if (topic === undefined) return;
    const partition = { topic, partition: 0 };
    const [end] = await port.admin.listOffsets([partition], 'stable');
    const [start] = await port.admin.listOffsets([partition], 'earliest');
    const offset = Math.max(start?.offset ?? 0, (end?.offset ?? 0) - tailOffsets);
    const reader = port.openReader();
    try {
      reader.assign([{ ...partition, offset }]);
      while (!signal.aborted) {
        for (const { records, error } of await reader.poll(pollMs)) {
          if (error !== undefined) throw error;
          for (const { timestampMs } of records) {
            this.#heardAtMs = Math.max(this.#heardAtMs, timestampMs);
          }
        }
        this.#turn();
      }
    } finally {
      await reader.close();
    }
  }
}
