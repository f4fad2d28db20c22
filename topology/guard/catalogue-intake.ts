/**
 * Sends captured rows on to every partition of the guard, and says when a table's snapshot has been
 * sent on. Only one partition of a table sees its snapshot end, so it tells all intake tasks; each of
 * them, having read what was written before, says so of its own partition.
 */
import type {
  KeyValueStore,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../streams/index.ts';
import type { CapturedCatalogueRow, CatalogueTable } from './catalogue-rows.ts';

/** One table's snapshot is over. */
export interface SnapshotEnd {
  readonly kind: 'snapshot-end';
  readonly table: CatalogueTable;
}

export const intakeStore = 'snapshot-ends';

export class CatalogueIntake implements Processor<string, CapturedCatalogueRow | SnapshotEnd> {
  #context!: ProcessorContext;
  /** By table: that this task has told the others. */
  #told!: KeyValueStore<string, string>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#told = context.store(intakeStore);
  }

  process(record: StreamRecord<string, CapturedCatalogueRow | SnapshotEnd>): MaybePromise<void> {
    const { value, timestampMs } = record;
    if ('kind' in value) {
      const { table } = value;
      const mark = { kind: 'mark', table, partition: this.#context.partition };
      return this.#context.forward({ key: table, value: mark, timestampMs }, 'catalogue');
    }
    const { row, table, endsSnapshot } = value;
    if (row !== undefined) {
      const { kind, tenantId } = row.input;
      const id = kind === 'room' ? row.input.roomId : row.input.propertyId;
      const key = `${kind}|${tenantId}|${id}`;
      void this.#context.forward({ key, value: row, timestampMs }, 'catalogue');
    }
    return endsSnapshot ? this.#tell(table, timestampMs) : undefined;
  }

  async #tell(table: CatalogueTable, timestampMs: number): Promise<void> {
    if ((await this.#told.get(table)) !== undefined) return;
    this.#told.put(table, 'told');
    const end: SnapshotEnd = { kind: 'snapshot-end', table };
    await this.#context.forward({ key: table, value: end, timestampMs }, 'snapshot-ends');
  }
}
