import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fileWriter } from '../../../tools/replay/report-writer.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'report-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a report in a file', () => {
  test('is there when it is whole, in a folder that is made for it', () => {
    const file = path.join(folder, 'a/b/report.json');
    const writer = fileWriter(file);
    writer.write('{"a":');
    const early = readdirSync(path.dirname(file));
    writer.write('"ä"}');
    writer.finish();
    writer.discard();

    expect(early).not.toContain('report.json');
    expect(readdirSync(path.dirname(file))).toEqual(['report.json']);
    expect(readFileSync(file, 'utf8')).toBe('{"a":"ä"}');
  });

  test('that is not finished leaves the one before as it was, and nothing else', () => {
    const file = path.join(folder, 'report.json');
    writeFileSync(file, 'before');
    const writer = fileWriter(file);
    writer.write('half');
    writer.discard();

    expect(readdirSync(folder)).toEqual(['report.json']);
    expect(readFileSync(file, 'utf8')).toBe('before');
  });

  test('that cannot be written says where, and what to do', () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');

    const writer = fileWriter(path.join(file, 'report.json'));

    expect(() => {
      writer.write('x');
    }).toThrow(/file\/report\.json.*--output/);
    writer.discard();
  });
});
