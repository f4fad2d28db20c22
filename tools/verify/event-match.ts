/**
 * The events that the guard's decisions imply beside those that lie on the events' topic, read
 * committed: partition by partition each once, saying the same, and those of one key in their order.
 */
import { createHash } from 'node:crypto';
import { avroReader } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { InventoryEvent } from '../../schemas/generated/inventory-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';
import { eventName, isOfHold, type ImpliedEvent } from './implied-events.ts';

export interface EventPartitionReport {
  readonly partition: number;
  readonly events: number;
  readonly implied: number;
  /** Of what lies there, and of what the decisions imply. */
  readonly hash: string;
  readonly impliedHash: string;
  /** The first few that are missing, there too often, not implied, or say something else. */
  readonly differing: readonly string[];
}

interface Count {
  implied: number;
  found: number;
  saysOther: boolean;
  readonly payloadHash: string | undefined;
}

interface Side {
  events: number;
  /** By partition key: a hash over the names in their order. */
  readonly orders: Map<string, string>;
}

const differingMax = 5;

/** One partition of the events' topic; what is implied comes first, then what was found. */
export class EventMatch {
  readonly #read = avroReader(contractSchema('inventory.events'));
  readonly #partition: number;
  readonly #counts = new Map<string, Count>();
  readonly #implied: Side = { events: 0, orders: new Map() };
  readonly #found: Side = { events: 0, orders: new Map() };

  constructor(partition: number) {
    this.#partition = partition;
  }

  addImplied({ name, payload, partitionKey }: ImpliedEvent): void {
    note(this.#implied, name, partitionKey);
    const count = this.#counts.get(name);
    if (count !== undefined) {
      count.implied += 1;
      return;
    }
    const payloadHash = payload && hashOf(payload);
    this.#counts.set(name, { implied: 1, found: 0, saysOther: false, payloadHash });
  }

  addFound({ value }: Pick<FetchedRecord, 'value'>): void {
    if (value === null) return;
    const { payload } = unframe(value);
    const event = this.#read(payload) as InventoryEvent;
    const name = eventName(event);
    const key = isOfHold(event) ? `${event.tenantId}|${event.roomTypeId}` : undefined;
    note(this.#found, name, key);
    const count = this.#counts.get(name);
    if (count === undefined) {
      this.#counts.set(name, { implied: 0, found: 1, saysOther: false, payloadHash: undefined });
      return;
    }
    count.found += 1;
    const { payloadHash } = count;
    if (payloadHash !== undefined && payloadHash !== hashOf(payload)) count.saysOther = true;
  }

  report(): EventPartitionReport {
    const differing = [...this.#counts].flatMap(([name, count]) => problemOf(name, count));
    const places = differing.length > 0 ? [] : [...this.#disordered()];
    return {
      partition: this.#partition,
      events: this.#found.events,
      implied: this.#implied.events,
      hash: hashOfSide(this.#found, this.#counts, 'found'),
      impliedHash: hashOfSide(this.#implied, this.#counts, 'implied'),
      differing: [...differing, ...places].slice(0, differingMax),
    };
  }

  *#disordered(): Iterable<string> {
    for (const [key, order] of this.#implied.orders) {
      if (this.#found.orders.get(key) !== order) yield `events of ${key} are in another order`;
    }
  }
}

function problemOf(name: string, { implied, found, saysOther }: Count): readonly string[] {
  if (implied === 0) return [`${name} follows from no decision`];
  if (found < implied) return [`${name} is missing`];
  if (found > implied) return [`${name} is there ${found} times`];
  return saysOther ? [`${name} says something else than its decision`] : [];
}

function note(side: Side, name: string, partitionKey: string | undefined): void {
  side.events += 1;
  if (partitionKey === undefined) return;
  side.orders.set(partitionKey, hashOf(`${side.orders.get(partitionKey) ?? ''}\n${name}`));
}

/** Equal events in equal order, equal hash; a payload that differs counts on the side that was found. */
function hashOfSide(
  { orders }: Side,
  counts: ReadonlyMap<string, Count>,
  side: 'implied' | 'found',
): string {
  const hash = createHash('sha256');
  for (const key of [...orders.keys()].sort()) hash.update(`${key}\n${orders.get(key)}\n`);
  for (const [name, count] of [...counts].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (count[side] === 0) continue;
    hash.update(`${name}\n${count[side]}\n`);
    if (side === 'found' && count.saysOther) hash.update('other\n');
  }
  return hash.digest('hex').slice(0, 16);
}

function hashOf(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 22);
}
