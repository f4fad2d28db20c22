/** The content of a task's stores as comparable text: an entry's key and hash, and one hash of all. */
import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../topology/canonical-json.ts';

/** One task's content: the hash of each entry, by store and key. */
export type Content = ReadonlyMap<string, string>;

export interface ReadableStore {
  readonly name: string;
  /** Entries from the key on, in the order of keys; undefined: from the first. */
  page(from: unknown, limit: number): Promise<readonly (readonly [key: unknown, value: unknown])[]>;
}

/** The part of a value that is compared; undefined: the entry is left out. */
export type Canonical = (store: string, value: unknown) => unknown;

const pageEntries = 1_000;

export async function contentOf(
  stores: readonly ReadableStore[],
  canonical: Canonical,
): Promise<Content> {
  const content = new Map<string, string>();
  for (const store of stores) {
    let from: unknown;
    for (;;) {
      const page = await store.page(from, pageEntries);
      const fresh = from === undefined ? page : page.slice(1);
      for (const [key, value] of fresh) {
        const compared = canonical(store.name, value);
        if (compared !== undefined)
          content.set(`${store.name} ${textOf(key)}`, hashOf(textOf(compared)));
      }
      if (page.length < pageEntries) break;
      from = page.at(-1)?.[0];
    }
  }
  return content;
}

/** One hash for all of it: equal content, equal hash. */
export function hashOfContent(content: Content): string {
  const hash = createHash('sha256');
  for (const key of [...content.keys()].sort()) hash.update(`${key}\n${content.get(key)}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** Keys whose entries differ, or that only one side has. */
export function differingKeys(left: Content, right: Content): readonly string[] {
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].filter((key) => left.get(key) !== right.get(key)).sort();
}

/** Canonical text of anything that JSON can say; bigints as text. */
export function textOf(value: unknown): string {
  const plain = JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'bigint' ? each.toString() : each,
  );
  return canonicalJson(JSON.parse(plain) as JsonValue);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 22);
}
