/**
 * Debezium's change events read whole, and the deletion of a row written as Debezium would have: for rows
 * whose deletion no stream brings any more. The bytes stay in the schema of the event that is the row's last.
 */
import { avroReader, avroWriter, type AvroReader, type AvroSchema } from './avro-codec.ts';
import type { ChangeOperation } from './debezium-envelope.ts';
import type { SchemaRegistryPort } from './registry.ts';
import { unframe } from './wire-format.ts';

/** Every field as it was written; only those that are looked at have a type. */
export interface WholeEvent {
  readonly op: ChangeOperation;
  readonly before?: Readonly<Record<string, unknown>> | null;
  readonly after?: Readonly<Record<string, unknown>> | null;
  readonly source: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Where and when a reading of all tables saw that a row is not there. */
export interface SeenAbsent {
  readonly lsn: bigint;
  readonly atMs: number;
}

interface EventCodec {
  readonly read: AvroReader;
  readonly write: (value: unknown) => Buffer;
}

const codecsMax = 1_000;

export class DebeziumEditor {
  readonly #registry: SchemaRegistryPort;
  readonly #codecs = new Map<number, EventCodec>();

  constructor(registry: SchemaRegistryPort) {
    this.#registry = registry;
  }

  /** Fetches the event's schema, after which it can be read. @throws as the registry does, WIRE_FORMAT */
  async prepare(value: Buffer): Promise<void> {
    const { schemaId } = unframe(value);
    if (this.#codecs.has(schemaId)) return;
    const schema = JSON.parse(await this.#registry.schemaById(schemaId)) as AvroSchema;
    if (this.#codecs.size >= codecsMax) this.#codecs.clear();
    this.#codecs.set(schemaId, { read: avroReader(schema), write: avroWriter(schema, schemaId) });
  }

  /** Undefined: its schema has to be fetched first. @throws WIRE_FORMAT, DECODE_FAILED */
  read(value: Buffer): WholeEvent | undefined {
    const { schemaId, payload } = unframe(value);
    return this.#codecs.get(schemaId)?.read(payload) as WholeEvent | undefined;
  }

  /**
   * The row of this event, deleted; undefined: its schema has to be fetched first, or there is no row in it.
   * @throws WIRE_FORMAT, DECODE_FAILED, ENCODE_FAILED
   */
  deletion(value: Buffer, { lsn, atMs }: SeenAbsent): Buffer | undefined {
    const event = this.read(value);
    const row = event?.after ?? undefined;
    if (event === undefined || row === undefined) return undefined;
    const source = {
      ...event.source,
      ...{ snapshot: 'true', sequence: `[null,"${lsn}"]`, lsn, ts_ms: atMs, txId: null },
    };
    const deletion = { ...event, op: 'd', before: row, after: null, source };
    return this.#codecs.get(unframe(value).schemaId)?.write(deletion);
  }
}
