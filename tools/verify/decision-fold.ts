/**
 * One partition of the guard from its log of decisions alone: `evolve` from nothing, nothing decided
 * again. What a task keeps beside that, the versions of captured rows and the marks of their snapshots,
 * follows from the catalogue's records: of rows those that a decision names as its input.
 */
import { messageOf } from '../../kernel/errors.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';
import type { PropertyRecord, RoomRecord, TypeRooms } from '../../topology/guard/catalogue.ts';
import {
  snapshotMarkOf,
  type CatalogueHandOver,
  type CatalogueMark,
  type CatalogueRow,
} from '../../topology/guard/catalogue-rows.ts';
import { readDecisionLine } from '../../topology/guard/decision-log.ts';
import { evolve } from '../../topology/guard/evolve.ts';
import { rowVersionStore } from '../../topology/guard/guard-store-builders.ts';
import type { SlotRecord } from '../../topology/guard/guard-state.ts';
import { guardInternalTopics } from '../../topology/guard/guard-names.ts';
import { guardStores, StoredGuardState } from '../../topology/guard/stored-guard-state.ts';
import type { StoredLock } from '../../topology/guard/stored-lock.ts';
import { AuditFold } from './audit-fold.ts';
import { contentOf, type Content } from './content.ts';
import { impliedEvents, type ImpliedEvent } from './implied-events.ts';
import { MapStore } from './map-store.ts';

const catalogueSuffix = `-${guardInternalTopics.catalogue}`;

export class DecisionFold {
  readonly #stores = {
    locks: new MapStore<string, StoredLock>(guardStores.locks),
    slots: new MapStore<readonly string[], SlotRecord>(guardStores.slots),
    commands: new MapStore<readonly string[], number>(guardStores.commands),
    rooms: new MapStore<readonly string[], RoomRecord>(guardStores.rooms),
    types: new MapStore<string, TypeRooms>(guardStores.types),
    properties: new MapStore<readonly string[], PropertyRecord>(guardStores.properties),
    versions: new MapStore<string, number>(guardStores.versions),
    marks: new MapStore<string, number>(guardStores.marks),
  };
  readonly #rowVersions = new MapStore<string, string>(rowVersionStore);
  readonly #audit = new AuditFold();
  /** Offsets in the catalogue that a decision had as its input. */
  readonly #inputs = new Set<number>();
  readonly #problems: string[] = [];
  readonly #onEvent: (event: ImpliedEvent) => void;
  #state!: StoredGuardState;
  #decisions = 0;

  private constructor(onEvent: (event: ImpliedEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @param onEvent told what each decision must have written to the events' topic, in order. */
  static async begin(onEvent: (event: ImpliedEvent) => void): Promise<DecisionFold> {
    const fold = new DecisionFold(onEvent);
    fold.#state = await StoredGuardState.load(fold.#stores);
    return fold;
  }

  get decisions(): number {
    return this.#decisions;
  }

  /** Lines that do not follow from those before them. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Lines in the order of their partition. */
  addDecision({ offset, value }: Pick<FetchedRecord, 'offset' | 'value'>): void {
    if (value === null) return;
    this.#decisions += 1;
    try {
      const decision = readDecisionLine(value);
      const { origin } = decision;
      if (origin?.topic.endsWith(catalogueSuffix)) this.#inputs.add(origin.offset);
      for (const event of impliedEvents(this.#state, decision)) this.#onEvent(event);
      evolve(this.#state, decision);
      this.#audit.add(decision);
    } catch (error) {
      // A line that cannot be made is a difference to be told, and the lines after it are still read.
      this.#problems.push(`decision ${offset}: ${messageOf(error)}`);
    }
  }

  /** Records of the catalogue that the task has read, after all decisions. */
  addCatalogue({ offset, key, value }: Pick<FetchedRecord, 'offset' | 'key' | 'value'>): void {
    const record = JSON.parse(String(value)) as CatalogueRow | CatalogueMark | CatalogueHandOver;
    if (record.kind === 'mark') this.#stores.marks.put(snapshotMarkOf(record), 1);
    else if (record.kind === 'row' && this.#inputs.has(offset))
      this.#rowVersions.put(String(key), record.version);
  }

  content(): Promise<Content> {
    const stores = [...Object.values(this.#stores), this.#rowVersions, ...this.#audit.stores];
    return contentOf(stores, (_store, value) => value);
  }
}
