/**
 * Compares an instance's clock with the broker's, by a record that the broker dates: its time lies between the
 * record's sending and the answer. While the difference is more than allowed, the instance has to leave to
 * others what is decided by a clock. Without an answer the last one stands: the clock did not change.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Gauge, Metrics } from '../kernel/metrics.ts';
import type { KafkaPort, NewTopic, PlainProducer } from '../streams/kafka/port.ts';

export interface ClockCheckOptions {
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the platform, as its instances share a broker: part of the topic's name. */
  readonly topicPrefix: string;
  /** Further off means off. */
  readonly offsetMaxMs: number;
}

const checkIntervalMs = 10_000;
/** After an answer that says too little, or none. */
const retryMs = 2_000;
const hourMs = 3_600_000;

/** What is asked there is of no use a moment later. */
export function clockTopic(topicPrefix: string): NewTopic {
  return {
    name: `${topicPrefix}-rollguard-clock`,
    partitionCount: 1,
    configs: {
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(hourMs),
      'segment.ms': String(hourMs),
    },
  };
}

export class ClockCheck {
  readonly #options: ClockCheckOptions;
  readonly #topic: NewTopic;
  readonly #gauge: Gauge;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  /** Undefined: nobody has answered yet. */
  #verdict: 'off' | 'right' | undefined;
  #complaint = "its clock is not compared with the broker's yet";
  #producer: PlainProducer | undefined;
  #run: Promise<void> | undefined;

  constructor(options: ClockCheckOptions) {
    this.#options = options;
    this.#topic = clockTopic(options.topicPrefix);
    this.#gauge = options.metrics.gauge({
      name: 'rollguard_clock_offset_seconds',
      help: "how far this instance's clock is ahead of the broker's",
    });
  }

  /** Why nothing may be decided by this clock; undefined: it is right. */
  get complaint(): string | undefined {
    return this.#verdict === 'right' ? undefined : this.#complaint;
  }

  /** Resolves when the clock is off, or right, and when the signal is aborted. */
  async until(what: 'off' | 'right', signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#verdict !== what) await this.#change(signal);
  }

  start(): void {
    this.#run ??= this.#watch();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
    await this.#producer?.close();
  }

  async #watch(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let isCertain = false;
      try {
        isCertain = await this.#ask();
      } catch (error) {
        this.#producer = undefined;
        this.#complaint = `its clock cannot be compared with the broker's: ${messageOf(error)}`;
        logger.debug("the clock cannot be compared with the broker's", { error });
      }
      await clock.sleep(isCertain ? checkIntervalMs : retryMs, signal);
    }
  }

  /** @returns false when the answer took so long that it proves nothing; then nothing speaks against the clock. */
  async #ask(): Promise<boolean> {
    const { port, clock, offsetMaxMs } = this.#options;
    this.#producer ??= await this.#open(port);
    const [startedMs, sentAtMs] = [clock.monotonicMs(), clock.nowMs()];
    const records = [{ key: null, value: null, timestampMs: sentAtMs }];
    const [produced] = await this.#producer.produce([
      { topic: this.#topic.name, partition: 0, records },
    ]);
    // The broker's time is one between sending and answer: in the middle, give or take half of it.
    const halfMs = (clock.monotonicMs() - startedMs) / 2;
    if (produced?.appendedAtMs === undefined) {
      const { name } = this.#topic;
      const message = `the broker does not date ${name}: set its message.timestamp.type to LogAppendTime`;
      throw new RollguardError('PRECONDITION_FAILED', message);
    }
    const aheadMs = sentAtMs + halfMs - produced.appendedAtMs;
    this.#gauge.set(aheadMs / 1_000);
    this.#settle(Math.round(aheadMs), Math.abs(aheadMs) - halfMs > offsetMaxMs);
    return Math.abs(aheadMs) + halfMs <= offsetMaxMs;
  }

  async #open(port: KafkaPort): Promise<PlainProducer> {
    await port.admin.createTopics([this.#topic]);
    return port.openPlainProducer();
  }

  #settle(aheadMs: number, isOff: boolean): void {
    const { offsetMaxMs, logger } = this.#options;
    this.#complaint =
      `its clock is ${Math.abs(aheadMs)} ms ${aheadMs > 0 ? 'ahead of' : 'behind'} the broker's, more than ` +
      `CLOCK_OFFSET_MAX_MS (${offsetMaxMs}): set the machine's clock right`;
    const [before, verdict] = [this.#verdict, isOff ? ('off' as const) : ('right' as const)];
    if (before === verdict) return;
    this.#verdict = verdict;
    if (isOff) logger.error('this instance decides nothing by its clock', { why: this.#complaint });
    if (before === 'off') logger.info("the clock agrees with the broker's again", { aheadMs });
    for (const listener of this.#listeners) listener();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
