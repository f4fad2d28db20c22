/** What a caller's text means as a stay, and the nights it counts on. */
import { describe, expect, test } from '@jest/globals';
import { isRefusal } from '../../../topology/guard/refusal.ts';
import { readStay, resolveStay, type Stay } from '../../../topology/guard/stay.ts';
import type { Refusal } from '../../../topology/guard/answer.ts';
import type { PropertyRecord } from '../../../topology/guard/catalogue.ts';
import { helsinki } from './guard-fixtures.ts';

function stayOf(stayStart: string, stayEnd: string, property?: PropertyRecord): Stay | Refusal {
  const asked = readStay({ stayStart, stayEnd });
  return isRefusal(asked) ? asked : resolveStay(asked, property);
}

/** `from to night night …`, or the field that was refused. */
function shown(stay: Stay | Refusal): string {
  if (isRefusal(stay)) return `refused: ${stay.code} ${stay.field}`;
  const iso = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16);
  return [iso(stay.stayStartMs), iso(stay.stayEndMs), ...stay.nights].join(' ');
}

describe('a stay', () => {
  test.each([
    [
      'dates mean check-in and check-out time of the property',
      ['2026-05-10', '2026-05-12'],
      '2026-05-10T12:00 2026-05-12T08:00 2026-05-10 2026-05-11',
    ],
    [
      'a time without a zone is UTC',
      ['2026-05-10T13:00:00', '2026-05-11T08:00'],
      '2026-05-10T13:00 2026-05-11T08:00 2026-05-10',
    ],
    [
      'a time with an offset is that instant',
      ['2026-05-10T15:00:00+03:00', '2026-05-11T11:00+03:00'],
      '2026-05-10T12:00 2026-05-11T08:00 2026-05-10',
    ],
    [
      'who comes after midnight and leaves after 03:00 sleeps the night before',
      ['2026-05-11T00:30+03:00', '2026-05-11T11:00+03:00'],
      '2026-05-10T21:30 2026-05-11T08:00 2026-05-10',
    ],
    [
      'who leaves at 03:00 sharp has not slept the night',
      ['2026-05-10T20:00+03:00', '2026-05-11T03:00+03:00'],
      '2026-05-10T17:00 2026-05-11T00:00 2026-05-10',
    ],
    [
      'day use counts on its date',
      ['2026-05-10T09:00+03:00', '2026-05-10T17:00+03:00'],
      '2026-05-10T06:00 2026-05-10T14:00 2026-05-10',
    ],
    [
      'day use after midnight counts on the date that the property shows',
      ['2026-05-09T21:30Z', '2026-05-09T23:30Z'],
      '2026-05-09T21:30 2026-05-09T23:30 2026-05-10',
    ],
    [
      'the night in which clocks go forward has no 03:00: it is slept at 04:00, the end of the gap',
      ['2026-03-29T00:59:59.999Z', '2026-03-29T01:00:00.001Z'],
      '2026-03-29T00:59 2026-03-29T01:00 2026-03-28',
    ],
    [
      'leaving when that gap ends is leaving before the night was slept',
      ['2026-03-28T22:30Z', '2026-03-29T01:00Z'],
      '2026-03-28T22:30 2026-03-29T01:00 2026-03-29',
    ],
    [
      'of the two 03:00 of the night in which clocks go back the first decides',
      ['2026-10-24T12:00Z', '2026-10-25T00:00:00.001Z'],
      '2026-10-24T12:00 2026-10-25T00:00 2026-10-24',
    ],
    [
      'who comes between the two 03:00 has not slept that night',
      ['2026-10-25T00:30Z', '2026-10-26T09:00Z'],
      '2026-10-25T00:30 2026-10-26T09:00 2026-10-25',
    ],
    [
      'dates across the change keep their local times',
      ['2026-10-24', '2026-10-26'],
      '2026-10-24T12:00 2026-10-26T09:00 2026-10-24 2026-10-25',
    ],
  ])('%s', (_title, [start = '', end = ''], expected) => {
    const stay = stayOf(start, end, helsinki);

    expect(shown(stay)).toBe(expected);
  });

  test('is counted in UTC while the property is not known', () => {
    const stay = stayOf('2026-05-10', '2026-05-11');

    expect(shown(stay)).toBe('2026-05-10T15:00 2026-05-11T11:00 2026-05-10');
  });

  test('is counted in UTC when the zone of the property does not exist', () => {
    const stay = stayOf('2026-05-10', '2026-05-11', { ...helsinki, zone: 'Europe/Atlantis' });

    expect(shown(stay)).toBe('2026-05-10T15:00 2026-05-11T11:00 2026-05-10');
  });

  test.each([
    ['that ends when it begins', '2026-05-10T10:00Z', '2026-05-10T10:00Z', 'stayEnd'],
    ['that ends before it begins', '2026-05-12', '2026-05-10', 'stayEnd'],
    ['of one date, from check-in to check-out', '2026-05-10', '2026-05-10', 'stayEnd'],
    ['of 400 years', '1900-01-01', '2199-12-31', 'stayEnd'],
    ['of more than ten years', '2026-01-01', '2036-02-01', 'stayEnd'],
    ['that starts on a date no calendar has', '2026-02-30', '2026-03-02', 'stayStart'],
    ['that starts in the year 1', '0001-01-01', '2026-01-01', 'stayStart'],
    ['that starts now and then', 'tomorrow', '2026-01-01', 'stayStart'],
    ['that never ends', '2026-01-01', '', 'stayEnd'],
    ['with an hour 25', '2026-01-01T25:00Z', '2026-01-03', 'stayStart'],
    [
      'with half a day more of offset than a day has',
      '2026-01-01T00:00+36:00',
      '2026-01-03',
      'stayStart',
    ],
    ['given as milliseconds', '1767225600000', '2026-01-03', 'stayStart'],
  ])('%s is refused, naming the field', (_title, start, end, field) => {
    const stay = stayOf(start, end, helsinki);

    expect(shown(stay)).toBe(`refused: REQUEST_INVALID ${field}`);
  });

  test('of ten years is one', () => {
    const stay = stayOf('2026-01-01', '2036-01-01', helsinki);

    expect(isRefusal(stay)).toBe(false);
  });
});
