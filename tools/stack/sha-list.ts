/**
 * `jars.sha256`: one line `<64 hex digits>  <relative path>` for every file that Maven may put on a
 * class path of the stack, in order of path. A file too many is as wrong as a changed one: the JVM
 * would load it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RollguardError } from '../../kernel/errors.ts';

export type ShaList = ReadonlyMap<string, string>;

const linePattern = /^([0-9a-f]{64}) {2}(\S.*)$/;

/** @throws CONFIG_INVALID naming the line that is not `<sha256>  <path>` or names a path again. */
export function parseShaList(text: string, file: string): ShaList {
  const list = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const match = linePattern.exec(line);
    const [, sha256, name] = match ?? [];
    if (sha256 === undefined || name === undefined || list.has(name)) {
      throw new RollguardError('CONFIG_INVALID', `${file}:${index + 1} is not "<sha256>  <path>"`);
    }
    list.set(name, sha256);
  }
  return list;
}

export function formatShaList(list: ShaList): string {
  const lines = [...list].map(([name, sha256]) => `${sha256}  ${name}\n`);
  return lines.sort((left, right) => (left.slice(66) < right.slice(66) ? -1 : 1)).join('');
}

/** The SHA-256 of every file below a folder. */
export async function shaListOf(folder: string): Promise<ShaList> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const list = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    list.set(path.relative(folder, file).split(path.sep).join('/'), hash.digest('hex'));
  }
  return list;
}

/** What differs, in words; empty when the lists are equal. */
export function compareShaLists(expected: ShaList, actual: ShaList): string[] {
  const missing = [...expected.keys()].filter((name) => !actual.has(name));
  const unexpected = [...actual.keys()].filter((name) => !expected.has(name));
  const changed = [...actual].filter(([name, sha256]) => {
    const wanted = expected.get(name);
    return wanted !== undefined && wanted !== sha256;
  });
  return [
    ...missing.map((name) => `${name} is missing`),
    ...unexpected.map((name) => `${name} is not in the list`),
    ...changed.map(([name, sha256]) => `${name} has SHA-256 ${sha256}`),
  ];
}
