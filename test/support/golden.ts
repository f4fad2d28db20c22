/**
 * Golden files: texts that must not change unnoticed, compared byte for byte. To take the present texts
 * as the new ones: `ROLLGUARD_UPDATE_GOLDEN=1 npm test -- --unit-only <test file>`, then read the diff.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../golden/', import.meta.url));

/** What `actual` must be. */
export function golden(name: string, actual: string): string {
  const file = path.join(folder, name);
  if (process.env['ROLLGUARD_UPDATE_GOLDEN'] === '1') {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  return readFileSync(file, 'utf8');
}
