import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../kernel/random.ts';
import { isUuid, uuidV5 } from '../../kernel/uuid.ts';

describe('randomness and ids', () => {
  test('the same seed gives the same sequence, another seed another', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 5 }, () => random.next());
    };

    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test('a seeded UUID is a version 4 UUID', () => {
    const uuid = seededRandom(1).uuid();

    expect(isUuid(uuid)).toBe(true);
    expect(uuid[14]).toBe('4');
  });

  test('a name-based UUID agrees with RFC 9562 (appendix A.4: DNS, www.example.com)', () => {
    expect(uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });
});
