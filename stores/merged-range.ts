/**
 * A range over an engine with changes on it that it may not have. Everything is looked at in the moment of
 * the call, so what is committed or written while the engine answers is in the result entirely or not at all.
 */
import { keyName, keyOfName } from './key-name.ts';
import type { OrderedMap } from './ordered-map.ts';
import type { CellValue, StateCell } from './state-cell.ts';
import type { RangeQuery, StateEngine, StateEntry } from './state-engine.ts';

export interface Changes {
  readonly cells: OrderedMap<StateCell>;
  /** What hides the engine's entry: a value, or null for none; undefined: nothing does. */
  readonly valueOf: (cell: StateCell) => CellValue;
}

export async function mergedRange(
  engine: StateEngine,
  unsettled: Changes,
  query: RangeQuery,
): Promise<readonly StateEntry[]> {
  if (query.limit <= 0) return [];
  const changes = firstChanges(unsettled, query);
  // A deletion may take one of the engine's entries away: ask for one more each.
  const deletions = changes.filter(([, value]) => value === null).length;
  const stored = await engine.range({ ...query, limit: query.limit + deletions });
  if (changes.length === 0) return stored;
  const entries = new Map(stored.map((entry) => [keyName(entry[0]), entry]));
  for (const [name, value] of changes) {
    if (value === null) entries.delete(name);
    else entries.set(name, [keyOfName(name), value]);
  }
  const ahead = query.reverse === true ? 1 : -1;
  return [...entries]
    .sort(([left], [right]) => (left < right ? ahead : -ahead))
    .slice(0, query.limit)
    .map(([, entry]) => entry);
}

/**
 * The changes in the range, up to the limit's last possible key: behind `limit` keys that have a value
 * nothing can reach the result.
 */
function firstChanges(
  { cells, valueOf }: Changes,
  { gte, lt, limit, reverse = false }: RangeQuery,
): readonly (readonly [name: string, value: Buffer | null])[] {
  const changes: (readonly [string, Buffer | null])[] = [];
  if (cells.size === 0) return changes;
  const to = lt === undefined ? undefined : keyName(lt);
  let live = 0;
  for (const [name, cell] of cells.walk({ from: keyName(gte), to, reverse })) {
    const value = valueOf(cell);
    if (value === undefined) continue;
    changes.push([name, value]);
    if (value !== null) live += 1;
    if (live >= limit) break;
  }
  return changes;
}
