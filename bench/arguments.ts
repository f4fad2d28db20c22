/** Arguments that several benches take. */
import { InvalidArgumentError } from 'commander';

export function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}
