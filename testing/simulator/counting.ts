/**
 * The smallest topology that can be wrong in every way that matters: it counts by key, forgets a key on
 * demand (a tombstone), tells each new count with what made it, and answers calls that count too. Every
 * output follows from the one before, so one that is missing, extra or out of order shows.
 */
import { partitionFor } from '../../kernel/murmur2.ts';
import {
  TopologyBuilder,
  keyValueStore,
  stringSerde,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
  type Topology,
} from '../../streams/index.ts';
import type { PartitionLog } from '../in-process/partition-log.ts';
import type { Attempt, FinalState, Scenario, WorkloadSteps } from './scenario.ts';
import type { Step } from './schedule.ts';

interface Counted {
  readonly key: string;
  readonly count: number;
  /** Of the record or call that was counted. */
  readonly id: string;
}

interface CountCall {
  readonly key: string;
}

interface CountRequest extends CountCall {
  readonly id: string;
}

const keys = ['ant', 'bee', 'cat', 'dog', 'eel'];
const subTopology = 'count';
const storeName = 'counts';
const forget = 'forget ';

class CountingProcessor implements Processor<string, string> {
  #context!: ProcessorContext;
  #counts!: KeyValueStore<string, string>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#counts = context.store(storeName);
  }

  async process({ key, value }: StreamRecord<string, string>): Promise<void> {
    await this.#count(key, value);
  }

  call(request: unknown): Promise<Counted> {
    const { key, id } = request as CountRequest;
    return this.#count(key, id);
  }

  async #count(key: string, id: string): Promise<Counted> {
    const before = Number((await this.#counts.get(key)) ?? 0);
    const count = id.startsWith(forget) ? 0 : before + 1;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.put(key, String(count));
    const counted = { key, count, id };
    await this.#context.forward({ key, value: counted, timestampMs: this.#context.nowMs() });
    return counted;
  }
}

function countingTopology(): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology(subTopology)
    .source<string, string>('lines', {
      topics: ['lines'],
      deserialize: ({ key, value, timestampMs }) => ({
        key: String(key),
        value: String(value),
        timestampMs,
      }),
    })
    .store(keyValueStore({ name: storeName, key: stringSerde, value: stringSerde }))
    .processor('counter', {
      parents: ['lines'],
      supplier: () => new CountingProcessor(),
      stores: [storeName],
      answersCalls: true,
    })
    .sink<string, Counted>('counted', {
      parents: ['counter'],
      topic: 'counted',
      serialize: ({ key, value }) => ({
        key: Buffer.from(key),
        value: Buffer.from(JSON.stringify(value)),
      }),
    });
  return builder.build();
}

export function countingScenario(partitions: number): Scenario {
  return {
    topics: { lines: partitions, counted: partitions },
    topology: countingTopology,
    outputTopic: 'counted',
    requestOf: (call, id) => {
      const { key } = call as CountCall;
      const partition = partitionFor(Buffer.from(key), partitions);
      return { subTopology, partition, request: { key, id } };
    },
    violations: (state) => countingViolations(state, partitions),
  };
}

export const countingSteps: WorkloadSteps = ({ random, partitions, untilMs }) => {
  const steps: Step[] = [];
  const anyKey = (): string => keys[random.integer(keys.length)] ?? '';
  const records = 10 + random.integer(40);
  for (let index = 0; index < records; index += 1) {
    const key = anyKey();
    const value = random.next() < 0.2 ? `${forget}${index}` : `line ${index}`;
    const partition = partitionFor(Buffer.from(key), partitions);
    const input = { topic: 'lines', partition, key, value };
    steps.push({ kind: 'input', atMs: random.integer(untilMs), input });
  }
  const calls = random.integer(20);
  for (let index = 0; index < calls; index += 1) {
    steps.push({ kind: 'call', atMs: random.integer(untilMs), call: { key: anyKey() } });
  }
  return steps;
};

interface Found {
  /** What each record and call counted to. */
  readonly counted: Map<string, number>;
  readonly report: (text: string) => void;
}

function countingViolations(state: FinalState, partitions: number): readonly string[] {
  const violations: string[] = [];
  const found: Found = { counted: new Map(), report: (text) => violations.push(text) };
  for (let partition = 0; partition < partitions; partition += 1) {
    const counts = checkOutputs(state, partition, found);
    const stored = state.stores.get(`${subTopology}_${partition}`);
    if (stored === undefined) continue;
    const expected = [...counts].map(([key, count]) => `${storeName} "${key}"="${count}"`).sort();
    const held = [...stored].map(([key, value]) => `${key}=${value}`).sort();
    if (expected.join() === held.join()) continue;
    found.report(
      `V6: the store of partition ${partition} has [${held.join()}], its outputs say [${expected.join()}]`,
    );
  }
  for (const attempt of state.attempts) checkAttempt(attempt, found);
  return violations;
}

/** V3: every line once and in order, every count that of the one before and one. */
function checkOutputs(
  { kafka }: FinalState,
  partition: number,
  { counted, report }: Found,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const { key, count, id } of outputsOf(kafka.log({ topic: 'counted', partition }))) {
    const expected = id.startsWith(forget) ? 0 : (counts.get(key) ?? 0) + 1;
    if (count !== expected) {
      report(`V3: ${id} counted ${key} to ${count}, after the outputs before to ${expected}`);
    }
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
    if (counted.has(id)) report(`V3: ${id} was counted twice`);
    counted.set(id, count);
    if (!id.startsWith('call')) lines.push(id);
  }
  const wanted = kafka
    .log({ topic: 'lines', partition })
    .committedHistory()
    .map(({ value }) => String(value));
  if (wanted.join() !== lines.join()) {
    report(`V3: lines-${partition} is [${wanted.join()}], counted were [${lines.join()}]`);
  }
  return counts;
}

/** V2 */
function checkAttempt({ id, outcome, answer, code }: Attempt, { counted, report }: Found): void {
  const count = counted.get(id);
  if (outcome === 'refused' && count !== undefined) {
    report(`V2: ${id} was refused (${code}: nothing was changed) and counted to ${count}`);
  }
  if (outcome !== 'answered') return;
  const told = (answer as Counted).count;
  if (told !== count) {
    report(`V2: ${id} was told ${told}, the outputs say ${count ?? 'nothing'}`);
  }
}

function outputsOf(log: PartitionLog): readonly Counted[] {
  return log.committedHistory().map(({ value }) => JSON.parse(String(value)) as Counted);
}
