/** Values in the Confluent wire format, read as whoever wrote them meant them: no schema of ours is asked. */
import { avroReader, type AvroReader, type AvroSchema } from './avro-codec.ts';
import type { SchemaRegistryPort } from './registry.ts';
import { unframe } from './wire-format.ts';

const readersMax = 1_000;

export class AvroDecoder {
  readonly #registry: SchemaRegistryPort;
  readonly #readers = new Map<number, AvroReader>();

  constructor(registry: SchemaRegistryPort) {
    this.#registry = registry;
  }

  /**
   * At once when the writer schema is known, a promise while it is fetched.
   * @throws WIRE_FORMAT, DECODE_FAILED, SCHEMA_UNKNOWN_ID, REGISTRY_UNAVAILABLE
   */
  decode(value: Buffer): unknown {
    const { schemaId, payload } = unframe(value);
    const reader = this.#readers.get(schemaId);
    return reader === undefined
      ? this.#fetch(schemaId).then((fetched) => fetched(payload))
      : reader(payload);
  }

  async #fetch(schemaId: number): Promise<AvroReader> {
    const reader = avroReader(JSON.parse(await this.#registry.schemaById(schemaId)) as AvroSchema);
    if (this.#readers.size >= readersMax) this.#readers.clear();
    this.#readers.set(schemaId, reader);
    return reader;
  }
}
