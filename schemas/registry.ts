/** What we ask of a Schema Registry. Implementations: `registry-client.ts`, `testing/in-memory-registry.ts`. */

export interface SchemaRegistryPort {
  /**
   * The schema's JSON text.
   * @throws SCHEMA_UNKNOWN_ID when the registry says that there is none, REGISTRY_UNAVAILABLE when it says nothing.
   */
  schemaById(id: number): Promise<string>;
  /**
   * Registers a version under BACKWARD_TRANSITIVE; the id of an equal one that is there already.
   * @throws SCHEMA_INCOMPATIBLE, REGISTRY_REFUSED, REGISTRY_UNAVAILABLE
   */
  register(subject: string, schema: string): Promise<number>;
}
