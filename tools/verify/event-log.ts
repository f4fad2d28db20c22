/**
 * What the events of `roll.events` add up to: the last state of each entry, and events that say what
 * the one before them said (an entry's events alternate: two alike mean that one was written twice). An
 * event that was told once more on request, as its header says, is no change of its entry: it has to say
 * what the last one said.
 */
import { avroReader } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { RollEvent } from '../../schemas/generated/roll-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';
import { replayIdOf } from '../../topology/roll/replay-header.ts';
import { hashOfContent, textOf, type Content } from './content.ts';

export interface EventSummary {
  readonly events: number;
  /** Entries that were not voided in the end. */
  readonly entries: number;
  readonly hash: string;
  readonly content: Content;
  /** Offsets of events that repeat their entry's event before. */
  readonly repeated: readonly string[];
  /** Events that were told once more on request. */
  readonly toldAgain: number;
  /** Offsets of those that do not say what their entry's last event said. */
  readonly contradicting: readonly string[];
}

export class EventLog {
  readonly #read = avroReader(contractSchema('roll.events'));
  readonly #last = new Map<string, string>();
  readonly #repeated: string[] = [];
  #events = 0;
  #toldAgain = 0;
  readonly #contradicting: string[] = [];

  add(record: FetchedRecord, partition: number): void {
    const { value, offset } = record;
    if (value === null) return;
    const event = this.#read(unframe(value).payload) as RollEvent;
    const id = `${event.tenantId} ${event.ledgerId}`;
    // Whether it came late depends on when it came; what it says does not.
    const entry = { ...event, kind: undefined, adjustment: undefined };
    const text = event.kind === 'VOIDED' ? '' : textOf(entry);
    const before = this.#last.get(id);
    if (replayIdOf(record) !== undefined) {
      this.#toldAgain += 1;
      if (before !== text) this.#contradicting.push(`${partition}@${offset}`);
      return;
    }
    this.#events += 1;
    if (before === text) this.#repeated.push(`${partition}@${offset}`);
    this.#last.set(id, text);
  }

  summary(): EventSummary {
    const content = new Map([...this.#last].filter(([, text]) => text !== ''));
    return {
      events: this.#events,
      entries: content.size,
      hash: hashOfContent(content),
      content,
      repeated: this.#repeated,
      toldAgain: this.#toldAgain,
      contradicting: this.#contradicting,
    };
  }
}
