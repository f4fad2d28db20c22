/** What a task's stores hold, as comparable text; from whatever the bytes are in. */
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import type { StateChange } from '../../stores/state-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import type { FetchedRecord } from '../../streams/index.ts';
import type { SubTopology } from '../../streams/topology-builder.ts';
import type { PartitionLog } from '../in-process/partition-log.ts';
import type { StoreContent } from './scenario.ts';

type Open = (store: string) => unknown;

const everything = { limit: 1_000_000 };
const uncached = new StateCache({ cacheBytesMax: 0, restoreBytesMax: Infinity });

export async function contentOf(subTopology: SubTopology, open: Open): Promise<StoreContent> {
  const content = new Map<string, string>();
  for (const { name } of subTopology.stores) {
    // Every store that is simulated is of this kind.
    const store = open(name) as ReadOnlyKeyValueStore<unknown, unknown>;
    for (const [key, value] of await store.range(undefined, undefined, everything)) {
      content.set(`${name} ${JSON.stringify(key)}`, JSON.stringify(value));
    }
  }
  return content;
}

/** The changelog folded up to an offset, compaction undone. */
export function foldedContent(
  subTopology: SubTopology,
  changelog: PartitionLog,
  end?: number,
): Promise<StoreContent> {
  return contentOfChanges(subTopology, changesOf(changelog.committedHistory(end)));
}

/** What a store becomes that replays what is left of the changelog from an offset on. */
export function replayedContent(
  subTopology: SubTopology,
  changelog: PartitionLog,
  { changes, offset }: { readonly changes: readonly StateChange[]; readonly offset: number },
): Promise<StoreContent> {
  const tail = changelog.compactedHistory().filter((record) => record.offset >= offset);
  return contentOfChanges(subTopology, [...changes, ...changesOf(tail)]);
}

function changesOf(records: readonly FetchedRecord[]): readonly StateChange[] {
  return records.flatMap(({ key, value }) =>
    key === null ? [] : [{ key, value: value ?? undefined }],
  );
}

export async function contentOfChanges(
  subTopology: SubTopology,
  changes: readonly StateChange[],
): Promise<StoreContent> {
  const engine = new MemoryEngine();
  await engine.write(changes, { topicId: '', offset: 0, writtenAtMs: 0 });
  const state = new TaskState({
    ...{ engine, cache: uncached, checkpointRecordsMax: Infinity, checkpointBytesMax: Infinity },
    ...{ checkpointIntervalMs: Infinity, recordBytesMax: () => Infinity, nowMs: 0 },
  });
  const builders = new Map(subTopology.stores.map((builder) => [builder.name, builder]));
  return contentOf(subTopology, (name) => builders.get(name)?.openReadOnly(state));
}

/** The first few keys that are not the same on both sides. */
export function differences(one: StoreContent, other: StoreContent): readonly string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys]
    .filter((key) => one.get(key) !== other.get(key))
    .slice(0, 3)
    .map((key) => `${key}: ${one.get(key) ?? 'absent'} and ${other.get(key) ?? 'absent'}`);
}
