/** The stores of the guard's own sub-topology, whoever fills them: who decides, or who folds what was decided. */
import { compositeSerde, jsonSerde, stringSerde } from '../../stores/serde.ts';
import { keyValueStore, type StoreBuilder } from '../../stores/store-builder.ts';
import type { KeyValueStore, ProcessorContext } from '../../streams/index.ts';
import { AuditTrail, auditStoreBuilders, auditStores } from './audit-trail.ts';
import { guardStores, type GuardStores } from './stored-guard-state.ts';

/** Version of each captured row that was decided on, by row. */
export const rowVersionStore = 'row-versions';

// Read when the task starts; what is decided on is the processor's own.
const text = { key: stringSerde, caching: false };
const pair = { key: compositeSerde, caching: false };

export const guardStoreBuilders: readonly StoreBuilder[] = [
  ...(['locks', 'types'] as const).map((name) =>
    keyValueStore({ name: guardStores[name], ...text, value: jsonSerde() }),
  ),
  ...(['slots', 'commands', 'rooms', 'properties'] as const).map((name) =>
    keyValueStore({ name: guardStores[name], ...pair, value: jsonSerde() }),
  ),
  ...[guardStores.versions, guardStores.marks, rowVersionStore].map((name) =>
    keyValueStore({ name, key: stringSerde, value: jsonSerde() }),
  ),
  ...auditStoreBuilders,
];

export const guardProcessorStores: readonly string[] = [
  ...Object.values(guardStores),
  rowVersionStore,
  ...Object.values(auditStores),
];

/** What a processor of the guard keeps, opened. */
export interface OpenedGuardStores {
  readonly state: GuardStores;
  readonly rowVersions: KeyValueStore<string, string>;
  readonly audit: AuditTrail;
}

export function openGuardStores(context: ProcessorContext): OpenedGuardStores {
  return {
    state: {
      locks: context.store(guardStores.locks),
      slots: context.store(guardStores.slots),
      commands: context.store(guardStores.commands),
      rooms: context.store(guardStores.rooms),
      types: context.store(guardStores.types),
      properties: context.store(guardStores.properties),
      versions: context.store(guardStores.versions),
      marks: context.store(guardStores.marks),
    },
    rowVersions: context.store(rowVersionStore),
    audit: new AuditTrail({
      records: context.store(auditStores.records),
      times: context.store(auditStores.times),
    }),
  };
}
