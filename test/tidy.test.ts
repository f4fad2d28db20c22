/** Properties of the repository itself that no linter sees. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));
const runtimeFolders = [
  'kernel',
  'schemas',
  'stores',
  'streams',
  'topology',
  'connectors',
  'database',
  'backfill',
  'capture',
  'reconciliation',
  'projections',
  'api',
  'testing',
];

function trackedFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.split('\n').filter((file) => file !== '' && existsSync(path.join(root, file)));
}

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const files = trackedFiles();
const code = files.filter((file) => file.endsWith('.ts') && !file.includes('/generated/'));

describe('the repository', () => {
  test('no code file is longer than 500 lines', () => {
    const long = code.filter((file) => read(file).split('\n').length > 501);

    expect(long).toEqual([]);
  });

  test('every code file outside test/ begins with a comment that says what it owns', () => {
    const bare = code.filter((file) => {
      const start = read(file).trimStart();
      return !file.startsWith('test/') && !start.startsWith('/**') && !start.startsWith('//');
    });

    expect(bare).toEqual([]);
  });

  test('runtime code throws coded errors only', () => {
    const allowed = new Set(['kernel/assert.ts']);
    const bare = code.filter(
      (file) =>
        runtimeFolders.some((folder) => file.startsWith(`${folder}/`)) &&
        !allowed.has(file) &&
        /\bnew (Type|Range)?Error\(/.test(read(file)),
    );

    expect(bare).toEqual([]);
  });

  test('nothing skips, focuses or postpones a test', () => {
    const marked = code.filter((file) =>
      /\b(it|test|describe)\.(skip|only|todo)\b|\b[xf](it|describe)\(/.test(read(file)),
    );

    expect(marked.filter((file) => file !== 'test/tidy.test.ts')).toEqual([]);
  });

  test('no text names a package registry or a folder of one machine', () => {
    const hosts = ['registry.npm' + 'js', 'repo1.mav' + 'en', 'repo.mav' + 'en', 'pypi.o' + 'rg'];
    const texts = files.filter((file) => statSync(path.join(root, file)).size < 2_000_000);
    const naming = texts.filter((file) => hosts.some((host) => read(file).includes(host)));

    expect(naming).toEqual([]);
  });

  test('links between documents lead somewhere', () => {
    const broken = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
          .map((match) => path.join(path.dirname(file), match[1] ?? ''))
          .filter((target) => !existsSync(path.join(root, target)))
          .map((target) => `${file} → ${target}`),
      );

    expect(broken).toEqual([]);
  });

  test('every document has one main heading', () => {
    const headings = (file: string): number =>
      read(file)
        .replaceAll(/```[\s\S]*?```/g, '')
        .split('\n')
        .filter((line) => line.startsWith('# ')).length;
    const odd = files.filter((file) => file.endsWith('.md') && headings(file) !== 1);

    expect(odd).toEqual([]);
  });
});
