/** Who was compared, as text; and the peers for the help of a bench. */
import type { NotRun, SideName } from './sides.ts';

export const peersHelp = `Peers:
  jvm        Kafka Streams 4.3.1, EOS v2, one stream thread, its store as the Processor API makes it
  jvm-cache  the same with a write-back cache in front of its store
  kafkats    @kafkats/flow from npm, exactly once, over LMDB; runs once
  none       only our side`;

export interface ComparedSides {
  readonly sides: readonly { readonly name: SideName; readonly about: string }[];
  readonly notRun: readonly NotRun[];
}

export function renderSides({ sides, notRun }: ComparedSides): string {
  return [
    ...sides.map(({ name, about }) => `${name.padEnd(10)} ${about}`),
    ...notRun.map(({ side, why }) => `not run: ${side}: ${why}`),
  ].join('\n');
}
