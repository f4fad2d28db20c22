/**
 * One simulated history: machines, callers, a cluster and what goes wrong, in one process with a time of
 * its own, from one schedule. Afterwards, when nothing goes wrong any more, everything must come to rest
 * and every invariant hold. The same schedule gives the same history.
 */
import { messageOf } from '../../kernel/errors.ts';
import { seededRandom } from '../../kernel/random.ts';
import { standbyStatus } from '../../streams/index.ts';
import { formatTaskId } from '../../streams/task-id.ts';
import { changelogTopic, topicName, type Topology } from '../../streams/topology-builder.ts';
import { InProcessKafka, requestKinds } from '../in-process-kafka.ts';
import { Callers } from './callers.ts';
import { HistoryHash } from './history-hash.ts';
import { Machine, applicationId } from './machine.ts';
import { Owners } from './observed-port.ts';
import type { Plant } from './plant.ts';
import type { Scenario, StoreContent } from './scenario.ts';
import type { Schedule, SimulatedInput, Step } from './schedule.ts';
import { standbyViolations } from './standby-invariants.ts';
import {
  contentOf,
  contentOfChanges,
  differences,
  foldedContent,
  replayedContent,
} from './store-content.ts';
import { VirtualTime } from './virtual-time.ts';

export interface HistoryReport {
  /** Equal for equal histories. */
  readonly hash: string;
  readonly violations: readonly string[];
  readonly happenings: number;
  readonly virtualMs: number;
  readonly answered: number;
}

/** How often it is asked whether a machine has stopped with an error. */
const sliceMs = 2_000;
/** Folding every changelog costs more than what happens in a slice. */
const slicesPerLook = 3;
const betweenRestsMs = 500;
/** From the last fault until everything must have come to rest. */
const restBoundMs = 60_000;
const expiryMs = 1_500;
const stopBoundMs = 20_000;
const looksMax = 60;
const betweenLooksMs = 137;
const violationsMax = 5;

interface TaskPartition {
  readonly name: string;
  readonly partition: number;
  readonly sources: readonly string[];
}

const calmFetchRecordsMax = 1_000;

export class World {
  readonly #schedule: Schedule;
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #kafka: InProcessKafka;
  readonly #topology: Topology;
  readonly #machines: readonly Machine[];
  readonly #callers: Callers;
  readonly #inputs: SimulatedInput[] = [];
  readonly #hash = new HistoryHash();
  readonly #violations: string[] = [];
  #looks = 0;
  #isBrokerAway = false;

  constructor(schedule: Schedule, scenario: Scenario, plant: Plant) {
    this.#schedule = schedule;
    this.#scenario = scenario;
    const random = seededRandom(Math.imul(schedule.seed + 7, 0x85ebca6b));
    const time = new VirtualTime(random);
    this.#time = time;
    const brokerClock = {
      nowMs: () => time.nowMs,
      monotonicMs: () => time.spentMs,
      sleep: (ms: number, signal?: AbortSignal) => brokerSleep(time, ms, signal),
    };
    this.#kafka = new InProcessKafka(brokerClock, plant.newLog);
    plant.cluster?.(this.#kafka);
    this.#kafka.fetchRecordsMax = schedule.settings.fetchRecordsMax;
    this.#kafka.onOffsetSetBack = ({ topic, partition, offset }, before) => {
      this.violation(`offsets: ${topic}-${partition} was set back from ${before} to ${offset}`);
    };
    for (const [name, partitionCount] of Object.entries(scenario.topics)) {
      this.#kafka.createTopic({ name, partitionCount, configs: {} });
    }
    this.#topology = scenario.topology();
    const owners = new Owners((text) => this.violation(text));
    this.#machines = Array.from(
      { length: schedule.machines },
      (_, index) =>
        new Machine({
          ...{ index, time, random, cluster: this.#kafka, plant, settings: schedule.settings },
          topology: scenario.topology,
          observed: (port, process) => owners.port(port, process),
          isBrokerAway: () => this.#isBrokerAway,
          sent: (kind, { fault }) => {
            this.#hash.add(time.spentMs);
            this.#hash.add(requestKinds.indexOf(kind) * 100 + index * 10 + fault.length);
          },
        }),
    );
    this.#callers = new Callers({
      ...{ time, random, machines: this.#machines, scenario, plant },
      endOf: (partition) => this.#outputEnd(partition),
    });
  }

  violation(text: string): void {
    if (this.#violations.length < violationsMax) this.#violations.push(text);
  }

  async run(): Promise<HistoryReport> {
    const { steps, calmAtMs } = this.#schedule;
    for (const step of steps) this.#time.after(step.atMs, () => this.#take(step));
    await this.#runFor(calmAtMs);
    this.#brokerIsBack();
    for (const machine of this.#machines) machine.calm();
    if (!this.#isWrong()) await this.#comeToRest();
    const { settleMs = 0 } = this.#scenario;
    if (settleMs > 0 && !this.#isWrong()) {
      await this.#runFor(settleMs);
      await this.#comeToRest();
    }
    if (!this.#isWrong()) await this.#verifyOrSay();
    this.#addLogsToHash();
    return {
      hash: this.#hash.text(),
      violations: this.#violations,
      happenings: this.#time.happened,
      virtualMs: this.#time.spentMs,
      answered: this.#callers.attempts.filter(({ outcome }) => outcome === 'answered').length,
    };
  }

  /** A log that cannot be folded is as wrong as one that tells something else. */
  async #verifyOrSay(): Promise<void> {
    try {
      await this.#verify();
    } catch (error) {
      this.violation(`what is left cannot be verified: ${messageOf(error)}`);
    }
  }

  #isWrong(): boolean {
    return this.#violations.length > 0;
  }

  async #runFor(ms: number): Promise<void> {
    const untilMs = this.#time.nowMs + ms;
    while (this.#time.nowMs < untilMs && !this.#isWrong()) {
      const sliceEndMs = Math.min(untilMs, this.#time.nowMs + sliceMs);
      await this.#time.runUntil(sliceEndMs, () => this.#isWrong());
      for (const { index, streams } of this.#machines) {
        if (streams?.status !== 'error') continue;
        this.violation(`machine ${index} stopped: ${String(streams.error)}`);
      }
      await this.#lookAtStandbys();
    }
  }

  async #lookAtStandbys(): Promise<void> {
    this.#looks += 1;
    if (this.#looks % slicesPerLook !== 0) return;
    const [kafka, topology, machines] = [this.#kafka, this.#topology, this.#machines];
    const found = await standbyViolations({ kafka, topology, machines });
    for (const text of found) this.violation(text);
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'clean':
        this.#clean();
        break;
      case 'restart':
        this.#restart(step);
        break;
      case 'input':
        this.#append(step.input);
        break;
      case 'call':
        void this.#callers.call(step.call);
        break;
      default:
        this.#machines[step.machine]?.take(step);
    }
  }

  /** Requests that are under way still reach it. */
  #restart({ forMs, losesMarkers }: Extract<Step, { readonly kind: 'restart' }>): void {
    this.#isBrokerAway = true;
    this.#kafka.transactions.losesMarkers = losesMarkers;
    this.#time.after(forMs, () => this.#brokerIsBack());
  }

  #brokerIsBack(): void {
    if (!this.#isBrokerAway) return;
    this.#isBrokerAway = false;
    this.#kafka.transactions.losesMarkers = false;
    this.#kafka.restarts += 1;
  }

  #append(input: SimulatedInput): void {
    const { topic, partition, key, value } = input;
    this.#inputs.push(input);
    const timestampMs = this.#time.nowMs;
    const record = { key: Buffer.from(key), value: Buffer.from(value), timestampMs };
    this.#kafka.append(topic, record, partition);
  }

  #clean(): void {
    for (const { name } of this.#topology.subTopologies) {
      const changelog = this.#kafka.topic(changelogTopic(name, applicationId));
      for (const log of changelog?.partitions ?? []) {
        log.compact(this.#time.nowMs, this.#schedule.settings.tombstoneRetentionMs);
      }
    }
  }

  async #comeToRest(): Promise<void> {
    const boundMs = this.#time.nowMs + restBoundMs;
    // A record at a time is a fault as well: a copy of a long changelog would be older than its tombstones
    // are kept before it is complete, and begin anew for ever (seed 1031458).
    this.#kafka.fetchRecordsMax = calmFetchRecordsMax;
    let unrest = this.#unrest();
    for (;;) {
      while (unrest !== undefined && !this.#isWrong()) {
        if (this.#time.nowMs >= boundMs) {
          this.violation(`liveness: ${restBoundMs / 1_000} s after the last fault ${unrest}`);
          return;
        }
        await this.#runFor(betweenRestsMs);
        unrest = this.#unrest();
      }
      if (this.#isWrong()) return;
      // What is due by now has expired after this.
      await this.#runFor(expiryMs);
      unrest = this.#unrest();
      if (unrest === undefined) return;
    }
  }

  /** What is still under way. */
  #unrest(): string | undefined {
    // Whoever is down may stay so, but one goes on.
    if (this.#machines.every(({ process }) => process === undefined)) this.#machines[0]?.start();
    if (this.#callers.waiting > 0) return `${this.#callers.waiting} callers wait`;
    const unready = this.#machines.map(unreadiness).find((why) => why !== undefined);
    if (unready !== undefined) return unready;
    const tasks = this.#machines.flatMap(({ streams }) => streams?.tasks() ?? []).length;
    const wanted = this.#taskPartitions();
    if (tasks !== wanted.length) return `${tasks} of ${wanted.length} tasks run`;
    return this.#lackingStandbys() ?? this.#waitingInputs(wanted);
  }

  #waitingInputs(tasks: readonly TaskPartition[]): string | undefined {
    for (const { sources, partition } of tasks) {
      for (const topic of sources) {
        const waits = this.#waitingIn(topic, partition);
        if (waits !== undefined) return waits;
      }
    }
    return undefined;
  }

  /** Every task with state is followed by as many as there are, and they have everything. */
  #lackingStandbys(): string | undefined {
    const running = this.#machines.flatMap(({ streams }) =>
      streams === undefined ? [] : [streams],
    );
    const { numStandbyReplicas } = this.#schedule.settings;
    const replicas = Math.min(numStandbyReplicas, running.length - 1);
    const reports = running.flatMap((streams) => streams.taskReports());
    for (const { name, stores } of this.#topology.subTopologies) {
      if (stores.length === 0) continue;
      const logs = this.#kafka.topic(changelogTopic(name, applicationId))?.partitions ?? [];
      for (const partition of logs.keys()) {
        const task = formatTaskId({ subTopology: name, partition });
        const there = reports.filter(
          (each) => each.task === task && each.status === standbyStatus && each.lag === 0,
        );
        if (there.length !== replicas) return `${there.length} of ${replicas} follow ${task}`;
      }
    }
    return undefined;
  }

  #waitingIn(topic: string, partition: number): string | undefined {
    const log = this.#kafka.log({ topic, partition });
    const committed = this.#kafka.group(applicationId).stableOffsets([{ topic, partition }]);
    if (committed === undefined) return `${topic} is not settled`;
    if (log.lastStableOffset < log.highWatermark) return `${topic} is not stable`;
    const { records } = log.readCommitted(committed[0]?.offset ?? 0, Infinity);
    return records.length > 0 ? `${records.length} records of ${topic} wait` : undefined;
  }

  #taskPartitions(): readonly TaskPartition[] {
    return this.#topology.subTopologies.flatMap(({ name, sources }) => {
      const topics = sources.flatMap((source) =>
        source.topics.map((topic) => topicName(topic, applicationId)),
      );
      const count = Math.max(
        ...topics.map((topic) => this.#kafka.topic(topic)?.partitions.length ?? 0),
      );
      return Array.from({ length: count }, (_, partition) => ({
        name,
        partition,
        sources: topics,
      }));
    });
  }

  async #verify(): Promise<void> {
    let { stores, different } = await this.#liveStores();
    // The broker may have a commit that its task has not heard of yet, and may never hear of.
    for (let look = 1; different.length > 0 && look < looksMax; look += 1) {
      await this.#runFor(betweenLooksMs);
      ({ stores, different } = await this.#liveStores());
    }
    for (const text of different) this.violation(text);
    const { attempts } = this.#callers;
    const state = { kafka: this.#kafka, attempts, inputs: this.#inputs, stores };
    for (const text of this.#scenario.violations(state)) this.violation(text);
    for (const machine of this.#machines) machine.stop();
    const boundMs = this.#time.nowMs + stopBoundMs;
    const runs = ({ process }: Machine): boolean => process !== undefined;
    while (this.#machines.some(runs) && this.#time.nowMs < boundMs && !this.#isWrong()) {
      await this.#runFor(betweenRestsMs);
    }
    for (const { index } of this.#machines.filter(runs)) {
      this.violation(`liveness: machine ${index} does not stop`);
    }
    await this.#compareDisks();
  }

  /** V6: what serves is what the changelog says. */
  async #liveStores(): Promise<{
    readonly stores: ReadonlyMap<string, StoreContent>;
    readonly different: readonly string[];
  }> {
    const different: string[] = [];
    const stores = new Map<string, StoreContent>();
    for (const subTopology of this.#topology.subTopologies) {
      const changelog = this.#kafka.topic(changelogTopic(subTopology.name, applicationId));
      for (const [partition, log] of (changelog?.partitions ?? []).entries()) {
        const name = formatTaskId({ subTopology: subTopology.name, partition });
        const folded = await foldedContent(subTopology, log);
        for (const { streams } of this.#machines) {
          const task = streams?.tasks().find((each) => each.name === name);
          if (streams === undefined || task === undefined) continue;
          if (task.status !== 'running') {
            different.push(`liveness: ${name} is ${task.status}`);
            continue;
          }
          const live = await contentOf(subTopology, (store) => {
            const view = streams.query({ subTopology: subTopology.name, store, partition });
            return view.store;
          });
          for (const difference of differences(live, folded)) {
            different.push(`V6: ${name}: the store and its changelog have ${difference}`);
          }
          stores.set(name, live);
        }
      }
    }
    return { stores, different };
  }

  /** V6: what lies on any disk is what the changelog says up to its position. */
  async #compareDisks(): Promise<void> {
    for (const { index, disk } of this.#machines) {
      for (const subTopology of this.#topology.subTopologies) {
        const changelog = this.#kafka.topic(changelogTopic(subTopology.name, applicationId));
        for (const [partition, log] of (changelog?.partitions ?? []).entries()) {
          const name = formatTaskId({ subTopology: subTopology.name, partition });
          const batches = disk.tasks().get(name) ?? [];
          const position = batches.at(-1)?.position;
          if (position === undefined) continue;
          const changes = batches.flatMap((batch) => batch.changes);
          const { offset } = position;
          const found = await contentOfChanges(subTopology, changes);
          const folded = await foldedContent(subTopology, log, offset);
          if (differences(found, folded).length === 0) continue;
          // Of a changelog that was cleaned a reader under way has not every key yet, or an older value.
          const isCleaned =
            log.compactedHistory(offset).length < log.committedHistory(offset).length;
          const replayed = await replayedContent(subTopology, log, { changes, offset });
          const [here, there] = isCleaned
            ? [replayed, await foldedContent(subTopology, log)]
            : [found, folded];
          for (const difference of differences(here, there)) {
            this.violation(`V6: disk ${index} of ${name} and its changelog have ${difference}`);
          }
        }
      }
    }
  }

  #outputEnd(partition: number): number {
    return this.#kafka.log({ topic: this.#scenario.outputTopic, partition }).lastStableOffset;
  }

  #addLogsToHash(): void {
    for (const name of Object.keys(this.#scenario.topics)) {
      for (const log of this.#kafka.topic(name)?.partitions ?? []) {
        for (const { offset, value } of log.committedHistory()) {
          this.#hash.add(offset);
          this.#hash.addBytes(value);
        }
      }
    }
    this.#hash.add(this.#time.happened);
  }
}

/** Why the machine is not at rest. */
function unreadiness({ index, streams, isStopping }: Machine): string | undefined {
  if (isStopping) return `machine ${index} is stopping`;
  const why = streams?.notReady();
  if (why !== undefined) return `machine ${index}: ${why}`;
  return streams?.isRebalancing === true ? `machine ${index} joins the group` : undefined;
}

function brokerSleep(time: VirtualTime, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const woken = time.after(ms, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    const stop = (): void => {
      woken.isCancelled = true;
      resolve();
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}
