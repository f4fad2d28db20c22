/** One machine of the simulated world: its disk, its clock, its network, and the process that runs on it. */
import type { Random } from '../../kernel/random.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { KafkaStreams, type Topology } from '../../streams/index.ts';
import type { InProcessKafka, RequestKind } from '../in-process-kafka.ts';
import { simulatedSend, type Passage } from './network.ts';
import type { Plant } from './plant.ts';
import type { MachineStep, SimulatedSettings, Step } from './schedule.ts';
import { SimulatedDisk, realDiskRules } from './simulated-disk.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface MachineOptions {
  readonly index: number;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly cluster: InProcessKafka;
  readonly topology: () => Topology;
  readonly settings: SimulatedSettings;
  readonly plant: Plant;
  /** Between the engine and its port: what it may not do is noticed there. */
  readonly observed: (port: KafkaPort, process: SimulatedProcess) => KafkaPort;
  readonly sent: (kind: RequestKind, passage: Passage) => void;
  /** No request of any machine gets through. */
  readonly isBrokerAway: () => boolean;
}

interface Pending {
  readonly request: RequestKind;
  count: number;
}
type PendingFault = Pending & Pick<Step & { kind: 'fault' }, 'fault' | 'lateMs'>;
type PendingDelay = Pending & Pick<Step & { kind: 'delay' }, 'leg' | 'byMs'>;

export const applicationId = 'simulated';
/** What stays together of clocks: a checkpoint's age is judged by its machine's. */
const skewMaxMs = 1_000;
const unsyncedBatchesMax = 3;
const jitterMs = 5;
const rareDelayMs = 400;
const rareDelayPart = 0.04;

export class Machine {
  readonly index: number;
  readonly disk: SimulatedDisk;
  readonly #options: MachineOptions;
  #process: SimulatedProcess | undefined;
  #streams: KafkaStreams | undefined;
  #isStopping = false;
  #offsetMs = 0;
  #faults: PendingFault[] = [];
  #delays: PendingDelay[] = [];
  #isCut = false;
  #jitter: number;

  constructor(options: MachineOptions) {
    this.index = options.index;
    this.#options = options;
    this.disk = new SimulatedDisk(options.plant.disk ?? realDiskRules);
    this.#jitter = options.settings.jitter;
  }

  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  get streams(): KafkaStreams | undefined {
    return this.#streams;
  }

  /** Where other machines reach it. */
  get address(): string {
    return `machine-${this.index}:1`;
  }

  /** It reaches nobody, and nobody reaches it. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Does what the step says. */
  take(step: MachineStep): void {
    switch (step.kind) {
      case 'start':
        this.start();
        break;
      case 'kill':
        this.#kill(step.keep, step.losesDisk);
        break;
      case 'stop':
        this.stop();
        break;
      case 'pause':
        this.#pause(step.forMs);
        break;
      case 'clock':
        this.#jump(step.byMs);
        break;
      case 'fault':
        this.#faults.push({ ...step });
        break;
      case 'delay':
        this.#delays.push({ ...step });
        break;
      case 'cut':
        this.#cut(step.forMs);
        break;
      case 'slow-disk':
        this.#slowDown(step.byMs, step.forMs);
        break;
    }
  }

  start(): void {
    if (this.#process !== undefined) return;
    const { time, random, cluster, topology, plant, observed } = this.#options;
    const process = new SimulatedProcess(time, random, this.#offsetMs);
    const sending = simulatedSend(process, {
      ...{ time, random, cluster, sent: this.#options.sent },
      passage: (kind) => this.#passage(kind),
    });
    const send = plant.send?.(sending) ?? sending;
    const port = observed(cluster.client(`machine-${this.index}`, send), process);
    this.#process = process;
    this.#streams = new KafkaStreams({
      topology: plant.topology?.(topology()) ?? topology(),
      port: plant.port?.(port, cluster) ?? port,
      options: {
        ...{ applicationId, applicationServer: this.address },
        ...(this.#options.settings.isStatic === 1 && { groupInstanceId: `machine-${this.index}` }),
        ...engineOptions(this.#options.settings),
      },
      stateDir: '',
      stateKind: { openFolder: () => Promise.resolve(this.disk.folder(process)) },
      clock: process,
      logger: silentLogger,
      metrics: noMetrics,
    });
    this.#streams.start();
  }

  #kill(keep: number, losesDisk: boolean): void {
    if (this.#process === undefined) return;
    this.#process.kill();
    this.#down();
    this.disk.crash(keep, unsyncedBatchesMax);
    if (losesDisk) this.disk.lose();
  }

  stop(): void {
    const process = this.#process;
    if (process === undefined || this.#isStopping) return;
    this.#isStopping = true;
    process.wake(() => {
      void this.#streams?.close().then(() => {
        if (this.#process === process) this.#down();
      });
    });
  }

  #pause(forMs: number): void {
    const process = this.#process;
    if (process === undefined || process.isPaused) return;
    process.pause();
    this.#options.time.after(forMs, () => {
      process.resume();
    });
  }

  #jump(byMs: number): void {
    const offsetMs = Math.max(-skewMaxMs, Math.min(skewMaxMs, this.#offsetMs + byMs));
    this.#process?.jump(offsetMs - this.#offsetMs);
    this.#offsetMs = offsetMs;
  }

  #cut(forMs: number): void {
    this.#isCut = true;
    this.#options.time.after(forMs, () => {
      this.#isCut = false;
    });
  }

  #slowDown(byMs: number, forMs: number): void {
    this.disk.slownessMs = byMs;
    this.#options.time.after(forMs, () => {
      this.disk.slownessMs = 0;
    });
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.#faults = [];
    this.#delays = [];
    this.#isCut = false;
    this.disk.slownessMs = 0;
    this.#process?.resume();
  }

  #down(): void {
    this.#process?.kill();
    this.#process = undefined;
    this.#streams = undefined;
    this.#isStopping = false;
  }

  #passage(kind: RequestKind): Passage {
    const isCut = this.#isCut || this.#options.isBrokerAway();
    const fault = isCut ? undefined : take(this.#faults, kind);
    const delay = take(this.#delays, kind);
    return {
      fault: isCut ? 'lose-request' : (fault?.fault ?? 'ok'),
      lateMs: fault?.lateMs ?? 0,
      requestDelayMs: delay?.leg === 'request' ? delay.byMs : this.#jitterMs(),
      answerDelayMs: delay?.leg === 'answer' ? delay.byMs : this.#jitterMs(),
    };
  }

  #jitterMs(): number {
    const { random } = this.#options;
    if (random.next() >= this.#jitter) return 0;
    return 1 + random.integer(random.next() < rareDelayPart ? rareDelayMs : jitterMs);
  }
}

function take<T extends Pending>(pending: T[], kind: RequestKind): T | undefined {
  const found = pending.find(({ request, count }) => request === kind && count > 0);
  if (found !== undefined) found.count -= 1;
  return found;
}

function engineOptions(settings: SimulatedSettings): Record<string, number> {
  return {
    commitIntervalMs: settings.commitIntervalMs,
    pollTimeoutMs: settings.pollTimeoutMs,
    transactionTimeoutMs: settings.transactionTimeoutMs,
    transactionRecordsMax: settings.transactionRecordsMax,
    sessionTimeoutMs: settings.sessionTimeoutMs,
    checkpointIntervalMs: settings.checkpointIntervalMs,
    numStandbyReplicas: settings.numStandbyReplicas,
    acceptableRecoveryLag: settings.acceptableRecoveryLag,
    probingRebalanceIntervalMs: 1_000,
    checkpointRecordsMax: settings.checkpointRecordsMax,
    cacheBytesMax: settings.cacheBytesMax,
    restoreBytesMax: settings.cacheBytesMax,
    changelogTombstoneRetentionMs: settings.tombstoneRetentionMs,
    heartbeatIntervalMs: Math.floor(settings.sessionTimeoutMs / 4),
    rebalanceTimeoutMs: settings.sessionTimeoutMs + 1_000,
    processRecordsMax: 8,
    taskIdleMaxMs: 1_000,
    retryBackoffMs: 50,
    retryBackoffMaxMs: 800,
    closeTimeoutMs: 3_000,
  };
}
