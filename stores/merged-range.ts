/**
 * A range over an engine with layers of changes on it. Everything is looked at in the moment of the
 * call, so what is committed or written while the engine answers is in the result entirely or not at all.
 */
import type { ChangeLayer } from './change-layer.ts';
import { keyName } from './key-name.ts';
import type { RangeQuery, StateChange, StateEngine, StateEntry } from './state-engine.ts';

/** @param layers oldest first: a later layer's change of a key hides an earlier one's. */
export async function mergedRange(
  engine: StateEngine,
  layers: readonly ChangeLayer[],
  query: RangeQuery,
): Promise<readonly StateEntry[]> {
  if (query.limit <= 0) return [];
  const changes = firstChanges(layers, query);
  // A deletion may take one of the engine's entries away: ask for one more each.
  const deletions = changes.filter(([, { value }]) => value === undefined).length;
  const stored = await engine.range({ ...query, limit: query.limit + deletions });
  const entries = new Map(stored.map((entry) => [keyName(entry[0]), entry]));
  for (const [name, { key, value }] of changes) {
    if (value === undefined) entries.delete(name);
    else entries.set(name, [key, value]);
  }
  const ahead = query.reverse === true ? 1 : -1;
  return [...entries]
    .sort(([left], [right]) => (left < right ? ahead : -ahead))
    .slice(0, query.limit)
    .map(([, entry]) => entry);
}

/**
 * The layers' changes in the range, up to the limit's last possible key: behind `limit` keys that have
 * a value nothing can reach the result.
 */
function firstChanges(
  layers: readonly ChangeLayer[],
  { gte, lt, limit, reverse = false }: RangeQuery,
): readonly (readonly [name: string, change: StateChange])[] {
  const to = lt === undefined ? undefined : keyName(lt);
  const cursors = layers.map((layer) => {
    const iterator = layer.walk({ from: keyName(gte), to, reverse });
    return { iterator, head: iterator.next().value };
  });
  const changes: (readonly [string, StateChange])[] = [];
  for (let live = 0; live < limit;) {
    let next: readonly [string, StateChange] | undefined;
    for (const { head } of cursors) {
      if (head === undefined) continue;
      // Of equal names the last layer's wins.
      const isBehind = next !== undefined && (reverse ? head[0] < next[0] : head[0] > next[0]);
      if (!isBehind) next = head;
    }
    if (next === undefined) break;
    changes.push(next);
    if (next[1].value !== undefined) live += 1;
    for (const cursor of cursors) {
      if (cursor.head?.[0] === next[0]) cursor.head = cursor.iterator.next().value;
    }
  }
  return changes;
}
