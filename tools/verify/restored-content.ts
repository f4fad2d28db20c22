/** The content of a task's stores, brought up to their changelog as a start would do. */
import type { Clock } from '../../kernel/clock.ts';
import { assert } from '../../kernel/assert.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { StateEngine } from '../../stores/state-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import type { ChangelogPartition } from '../../streams/commit.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { restoreState } from '../../streams/restore.ts';
import type { SubTopology } from '../../streams/topology-builder.ts';
import { contentOf, type Canonical, type Content, type ReadableStore } from './content.ts';

// The tail is short; the store itself stays on disk.
const restoreBytesMax = 64 * 1024 * 1024;

export interface RestoreContentOptions {
  readonly subTopology: SubTopology;
  readonly changelog: ChangelogPartition;
  readonly canonical: Canonical;
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface RestoredContent {
  readonly content: Content;
  /** Changelog records after the engine's position. */
  readonly tailRecords: number;
}

/** Closes the engine. */
export async function restoredContent(
  engine: StateEngine,
  options: RestoreContentOptions,
): Promise<RestoredContent> {
  const { subTopology, canonical, clock } = options;
  const state = new TaskState({
    engine,
    cache: new StateCache({ cacheBytesMax: 0, restoreBytesMax }),
    checkpointRecordsMax: Infinity,
    checkpointBytesMax: Infinity,
    checkpointIntervalMs: Infinity,
    recordBytesMax: () => Infinity,
    nowMs: clock.nowMs(),
  });
  try {
    const { records } = await restoreState({ ...options, state, progress: () => undefined });
    const builders = new Map(subTopology.stores.map((builder) => [builder.name, builder]));
    const stores = storesOf(subTopology, (name) => {
      const builder = builders.get(name);
      assert(builder !== undefined, `${name} is a store of ${subTopology.name}`);
      return builder.openReadOnly(state) as RangedStore;
    });
    return { content: await contentOf(stores, canonical), tailRecords: records };
  } finally {
    await state.closeDirty();
  }
}

/** As every store of the roll is. */
export interface RangedStore {
  range(
    from: unknown,
    to: undefined,
    options: { readonly limit: number },
  ): Promise<readonly (readonly [unknown, unknown])[]>;
}

export function storesOf(
  subTopology: SubTopology,
  open: (name: string) => RangedStore,
): readonly ReadableStore[] {
  return subTopology.stores.map(({ name }) => ({
    name,
    page: (from, limit) => open(name).range(from, undefined, { limit }),
  }));
}
