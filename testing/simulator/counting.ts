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
import type { FinalState, Scenario, WorkloadSteps } from './scenario.ts';
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

function countingViolations(state: FinalState, partitions: number): readonly string[] {
  const violations: string[] = [];
  const counted = new Map<string, number>();
  for (let partition = 0; partition < partitions; partition += 1) {
    const outputs = outputsOf(state.kafka.log({ topic: 'counted', partition }));
    const counts = new Map<string, number>();
    const lines: string[] = [];
    for (const { key, count, id } of outputs) {
      const expected = id.startsWith(forget) ? 0 : (counts.get(key) ?? 0) + 1;
      if (count !== expected) {
        violations.push(
          `V3: ${id} counted ${key} to ${count}, after the outputs before to ${expected}`,
        );
      }
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
      if (counted.has(id)) violations.push(`V3: ${id} was counted twice`);
      counted.set(id, count);
      if (!id.startsWith('call')) lines.push(id);
    }
    const inputs = state.kafka.log({ topic: 'lines', partition }).committedHistory();
    const wanted = inputs.map(({ value }) => String(value));
    if (wanted.join() !== lines.join()) {
      violations.push(
        `V3: lines-${partition} is [${wanted.join()}], counted were [${lines.join()}]`,
      );
    }
    const stored = state.stores.get(`${subTopology}_${partition}`);
    const expected = [...counts].map(([key, count]) => `${storeName} "${key}"="${count}"`).sort();
    const found = [...(stored ?? [])].map(([key, value]) => `${key}=${value}`).sort();
    if (stored !== undefined && expected.join() !== found.join()) {
      violations.push(
        `V6: the store of partition ${partition} has [${found.join()}], its outputs say [${expected.join()}]`,
      );
    }
  }
  for (const { id, outcome, answer, code } of state.attempts) {
    const count = counted.get(id);
    if (outcome === 'refused' && count !== undefined) {
      violations.push(
        `V2: ${id} was refused (${code}: nothing was changed) and counted to ${count}`,
      );
    }
    if (outcome !== 'answered') continue;
    const told = (answer as Counted).count;
    if (told !== count) {
      violations.push(`V2: ${id} was told ${told}, the outputs say ${count ?? 'nothing'}`);
    }
  }
  return violations;
}

function outputsOf(log: PartitionLog): readonly Counted[] {
  return log.committedHistory().map(({ value }) => JSON.parse(String(value)) as Counted);
}
