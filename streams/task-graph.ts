/**
 * One task's processors, wired: children by parent, a context each, records handed down by plain
 * calls. Stays synchronous while no processor returns a promise, so a record costs none.
 */
import { RollguardError } from '../kernel/errors.ts';
import { assert } from '../kernel/assert.ts';
import type { TaskExpiry } from '../stores/task-expiry.ts';
import type {
  Cancellable,
  MaybePromise,
  Processor,
  ProcessorContext,
  PunctuationType,
  RecordOrigin,
  StreamRecord,
} from './processor.ts';
import type { ProcessorNode, SinkNode, SubTopology } from './topology-builder.ts';

type AnyRecord = StreamRecord<unknown, unknown>;

/** What the graph needs from its task. */
export interface GraphHost {
  readonly applicationId: string;
  readonly partition: number;
  readonly stores: ReadonlyMap<string, unknown>;
  /** Undefined: none of the stores forgets. */
  readonly expiry: TaskExpiry | undefined;
  send(sink: SinkNode, record: AnyRecord): void;
  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => MaybePromise<void>,
  ): Cancellable;
  origin(): RecordOrigin | undefined;
  streamTimeMs(): number;
  nowMs(): number;
}

interface Child {
  readonly name: string;
  receive(record: AnyRecord): MaybePromise<void>;
}

export class TaskGraph {
  readonly #subTopology: SubTopology;
  readonly #host: GraphHost;
  readonly #processors = new Map<string, Processor<unknown, unknown>>();
  readonly #children = new Map<string, Child[]>();
  #callNode: Processor<unknown, unknown> | undefined;

  constructor(subTopology: SubTopology, host: GraphHost) {
    this.#subTopology = subTopology;
    this.#host = host;
    for (const node of subTopology.processors) {
      const processor = node.supplier();
      this.#processors.set(node.name, processor);
      if (node.answersCalls) this.#callNode = processor;
      const receive = (record: AnyRecord): MaybePromise<void> => processor.process(record);
      for (const parent of node.parents) this.#addChild(parent, { name: node.name, receive });
    }
    for (const sink of subTopology.sinks) {
      const receive = (record: AnyRecord): void => this.#host.send(sink, record);
      for (const parent of sink.parents) this.#addChild(parent, { name: sink.name, receive });
    }
  }

  async init(): Promise<void> {
    await this.#host.expiry?.load();
    for (const node of this.#subTopology.processors) {
      await this.#processors.get(node.name)?.init?.(this.#contextOf(node));
    }
  }

  /** Lets the source's processors fetch what these records will need in one go. */
  async load(source: string, records: readonly AnyRecord[]): Promise<void> {
    for (const child of this.#children.get(source) ?? []) {
      await this.#processors.get(child.name)?.load?.(records);
    }
  }

  /** True when a processor right below the source wants to see records before they are processed. */
  wantsLoad(source: string): boolean {
    return (this.#children.get(source) ?? []).some(
      (child) => this.#processors.get(child.name)?.load !== undefined,
    );
  }

  process(source: string, record: AnyRecord): MaybePromise<void> {
    const children = this.#children.get(source) ?? [];
    const pending = this.#host.expiry?.advance(record.timestampMs);
    if (pending !== undefined) return pending.then(() => handDown(children, 0, record));
    return handDown(children, 0, record);
  }

  /** True when a node answers calls. */
  get answersCalls(): boolean {
    return this.#callNode !== undefined;
  }

  async loadCalls(requests: readonly unknown[]): Promise<void> {
    await this.#callNode?.loadCalls?.(requests);
  }

  call(request: unknown): MaybePromise<unknown> {
    const node = this.#callNode;
    assert(node?.call !== undefined, `a node of '${this.#subTopology.name}' answers calls`);
    return node.call(request);
  }

  close(): void {
    for (const processor of this.#processors.values()) processor.close?.();
  }

  #addChild(parent: string, child: Child): void {
    const children = this.#children.get(parent);
    if (children === undefined) this.#children.set(parent, [child]);
    else children.push(child);
  }

  #contextOf(node: ProcessorNode): ProcessorContext {
    const host = this.#host;
    const children = this.#children.get(node.name) ?? [];
    const byName = new Map(children.map((child) => [child.name, child]));
    return {
      applicationId: host.applicationId,
      subTopology: this.#subTopology.name,
      partition: host.partition,
      store: ((name) => this.#storeOf(node, name)) as ProcessorContext['store'],
      forward: (record, child) => {
        if (child === undefined) return handDown(children, 0, record);
        const target = byName.get(child);
        assert(target !== undefined, `'${child}' is a child of '${node.name}'`);
        return target.receive(record);
      },
      schedule: (intervalMs, type, punctuate) => host.schedule(intervalMs, type, punctuate),
      origin: () => host.origin(),
      streamTimeMs: () => host.streamTimeMs(),
      nowMs: () => host.nowMs(),
    };
  }

  #storeOf(node: ProcessorNode, name: string): unknown {
    const store = node.stores.includes(name) ? this.#host.stores.get(name) : undefined;
    if (store === undefined) {
      throw new RollguardError(
        'TOPOLOGY_INVALID',
        `processor '${node.name}' asks for store '${name}', which is not connected to it`,
      );
    }
    return store;
  }
}

function handDown(children: readonly Child[], from: number, record: AnyRecord): MaybePromise<void> {
  for (let index = from; index < children.length; index += 1) {
    const pending = children[index]?.receive(record);
    if (pending !== undefined) return pending.then(() => handDown(children, index + 1, record));
  }
  return undefined;
}
