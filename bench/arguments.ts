/** Arguments that several benches take. */
import { InvalidArgumentError, Option } from 'commander';
import { peerNames, type PeerName } from './peers/sides.ts';

export const quickOption = new Option(
  '--quick',
  'a short run that shows that everything works; its figures mean little',
);
export const jsonOption = new Option('--json', 'print one JSON object on stdout');

export function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

/** 0 for `none`. */
export function countOrNone(text: string): number {
  return text === 'none' ? 0 : count(text);
}

/** None for `none`: our side alone. */
export function peers(text: string): PeerName[] {
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    const peer = peerNames.find((each) => each === name.trim());
    if (peer !== undefined) return peer;
    throw new InvalidArgumentError(`Peers are ${peerNames.join(', ')}.`);
  });
}
