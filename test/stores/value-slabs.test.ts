/** Where cached values lie. */
import { describe, expect, test } from '@jest/globals';
import { ValueSlabs } from '../../stores/value-slabs.ts';

const slabBytes = 64 * 1024;
const pooled = (text: string): Buffer => Buffer.from(`..${text}..`).subarray(2, 2 + text.length);

describe('a kept value', () => {
  test('has the same bytes, whatever becomes of those it came with', () => {
    const slabs = new ValueSlabs();
    const value = pooled('value');
    const kept = slabs.keep(value);
    value.fill(0);

    expect(String(kept)).toBe('value');
    expect(kept.buffer.byteLength).toBe(slabBytes);
  });

  test('lies beside others, over none of them', () => {
    const slabs = new ValueSlabs();
    const texts = Array.from({ length: 2_000 }, (_, index) => `${index}-`.repeat(1 + (index % 50)));
    const kept = texts.map((text) => slabs.keep(pooled(text)));

    expect(kept.map(String)).toEqual(texts);
    const bytes = texts.reduce((sum, { length }) => sum + length, 0);
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(Math.ceil(bytes / slabBytes));
  });

  test('is not copied again, nor when its memory is its own', () => {
    const slabs = new ValueSlabs();
    const kept = slabs.keep(pooled('value'));
    const own = Buffer.allocUnsafeSlow(5);

    expect(slabs.keep(kept)).toBe(kept);
    expect(slabs.keep(own)).toBe(own);
  });

  test('of some size gets memory of its own', () => {
    const large = Buffer.alloc(20_000, 'x').subarray(0, 10_000);
    const kept = new ValueSlabs().keep(large);

    expect(kept).toEqual(large);
    expect(kept.buffer.byteLength).toBe(10_000);
  });

  test('may be empty', () => {
    expect(new ValueSlabs().keep(pooled(''))).toHaveLength(0);
  });
});
