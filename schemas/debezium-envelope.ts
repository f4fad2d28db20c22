/**
 * Debezium's change events, decoded from Avro in the Confluent wire format. Only the columns asked
 * for are read: each writer schema is projected once, so a wide table costs what is used of it. The row
 * before the change is read only where it is all there is (a delete).
 */
import {
  avroReader,
  type AvroField,
  type AvroReader,
  type AvroSchema,
  type AvroSchemaObject,
} from './avro-codec.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { SchemaRegistryPort } from './registry.ts';
import { unframe } from './wire-format.ts';

/** create, update, delete, read by a snapshot, truncate, logical message. */
export type ChangeOperation = 'c' | 'u' | 'd' | 'r' | 't' | 'm';

export interface ChangeSource {
  readonly snapshot?: string | null;
  /** JSON text of two LSNs: the last commit before this transaction, this change. */
  readonly sequence?: string | null;
  readonly lsn?: number | bigint | null;
  /** The transaction's id. */
  readonly txId?: number | bigint | null;
  /** When the change was committed, or the row was read; milliseconds since 1970. */
  readonly ts_ms?: number | bigint | null;
}

export interface ChangeEvent<Row> {
  readonly op: ChangeOperation;
  /** The row as it was; of deletes only. */
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  readonly source: ChangeSource;
}

interface DecodedEnvelope<Row> {
  readonly op: ChangeOperation;
  readonly before?: Row | null;
  readonly after?: Row | null;
  readonly source: ChangeSource;
}

interface EnvelopeReaders {
  /** Everything but the row before the change. */
  readonly after: AvroReader;
  readonly before: AvroReader;
}

const sourceFields = new Set(['snapshot', 'sequence', 'lsn', 'txId', 'ts_ms']);
const readersMax = 1_000;

export interface DebeziumDecoderOptions {
  readonly registry: SchemaRegistryPort;
  /** The columns to read, by table. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

export class DebeziumDecoder {
  readonly #options: DebeziumDecoderOptions;
  readonly #readers = new Map<number, EnvelopeReaders>();
  /** Being made: all records that wait for a schema wait for one. */
  readonly #pending = new Map<number, Promise<EnvelopeReaders>>();

  constructor(options: DebeziumDecoderOptions) {
    this.#options = options;
  }

  /**
   * At once when the writer schema is known, a promise while it is fetched.
   * @throws WIRE_FORMAT, DECODE_FAILED, SCHEMA_UNKNOWN_ID, REGISTRY_UNAVAILABLE
   */
  decode<Row>(table: string, value: Buffer): ChangeEvent<Row> | Promise<ChangeEvent<Row>> {
    const { schemaId, payload } = unframe(value);
    const readers = this.#readers.get(schemaId);
    if (readers !== undefined) return read<Row>(readers, payload);
    return this.#readersOf(table, schemaId).then((fetched) => read<Row>(fetched, payload));
  }

  #readersOf(table: string, schemaId: number): Promise<EnvelopeReaders> {
    const pending =
      this.#pending.get(schemaId) ??
      this.#fetch(table, schemaId).finally(() => this.#pending.delete(schemaId));
    this.#pending.set(schemaId, pending);
    return pending;
  }

  async #fetch(table: string, schemaId: number): Promise<EnvelopeReaders> {
    const columns = this.#options.columns[table];
    if (columns === undefined) {
      throw new RollguardError('DECODE_FAILED', `no columns are declared for table ${table}`);
    }
    const writer = JSON.parse(await this.#options.registry.schemaById(schemaId)) as AvroSchema;
    const readers = {
      after: avroReader(writer, projectEnvelope(writer, columns, 'after')),
      before: avroReader(writer, projectEnvelope(writer, columns, 'before')),
    };
    if (this.#readers.size >= readersMax) this.#readers.clear();
    this.#readers.set(schemaId, readers);
    return readers;
  }
}

function read<Row>(readers: EnvelopeReaders, payload: Buffer): ChangeEvent<Row> {
  const { op, after, source } = readers.after(payload) as DecodedEnvelope<Row>;
  const before = op === 'd' ? (readers.before(payload) as DecodedEnvelope<Row>).before : undefined;
  return { op, before: before ?? undefined, after: after ?? undefined, source };
}

/**
 * The part of an envelope's schema that is read: one of its two rows with the columns asked for, the
 * operation, and where the change stands in the log. Names are the writer's: Avro resolves by name.
 */
export function projectEnvelope(
  writer: AvroSchema,
  columns: readonly string[],
  row: 'before' | 'after',
): AvroSchema {
  const envelope = recordOf(writer, 'the value');
  const rowRecord = rowSchema(envelope);
  const wanted = new Set(columns);
  const projected = {
    ...rowRecord,
    fields: fieldsOf(rowRecord).filter((field) => wanted.has(field.name)),
  };
  const fields = fieldsOf(envelope).flatMap((field): AvroField[] => {
    if (field.name === row) return [{ ...field, type: ['null', projected] }];
    if (field.name === 'op') return [field];
    if (field.name !== 'source') return [];
    const source = recordOf(field.type, 'source');
    const kept = fieldsOf(source).filter((each) => sourceFields.has(each.name));
    return [{ ...field, type: { ...source, fields: kept } }];
  });
  return { ...envelope, fields };
}

/** The row's record is defined where it is named first. */
function rowSchema(envelope: AvroSchemaObject): AvroSchemaObject {
  for (const name of ['before', 'after']) {
    const field = fieldsOf(envelope).find((each) => each.name === name);
    const branches = Array.isArray(field?.type) ? (field.type as readonly AvroSchema[]) : [];
    const record = branches.find((branch) => typeof branch === 'object' && 'fields' in branch);
    if (record !== undefined) return record as AvroSchemaObject;
  }
  throw new RollguardError(
    'DECODE_FAILED',
    'the schema is no Debezium envelope: it has no row in before or after',
  );
}

function recordOf(schema: AvroSchema, what: string): AvroSchemaObject {
  if (typeof schema === 'object' && 'fields' in schema) return schema;
  throw new RollguardError(
    'DECODE_FAILED',
    `the schema is no Debezium envelope: ${what} is no record`,
  );
}

function fieldsOf(record: AvroSchemaObject): readonly AvroField[] {
  return record.fields ?? [];
}
