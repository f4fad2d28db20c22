/** Our side against each peer: medians over the pairs of runs. */
import { median, rounded } from '../measure.ts';
import type { SideName } from './sides.ts';

export interface PairedRun {
  readonly side: SideName;
  readonly pair: number;
}

/** @returns for each peer, ours divided by theirs; undefined for one without a pair. */
export function ratiosToPeers<Run extends PairedRun, Figure extends string>(
  runs: readonly Run[],
  figures: Readonly<Record<Figure, (run: Run) => number>>,
): Readonly<Partial<Record<SideName, Readonly<Record<Figure, number>>>>> {
  const ratios: Partial<Record<SideName, Record<Figure, number>>> = {};
  for (const side of new Set(runs.map((run) => run.side))) {
    if (side === 'rollguard') continue;
    const pairs = runs.flatMap((theirs) => {
      if (theirs.side !== side) return [];
      const ours = runs.find((run) => run.side === 'rollguard' && run.pair === theirs.pair);
      return ours === undefined ? [] : [{ ours, theirs }];
    });
    if (pairs.length === 0) continue;
    const names = Object.keys(figures) as Figure[];
    ratios[side] = Object.fromEntries(
      names.map((name) => {
        const figure = figures[name];
        const values = pairs.map(({ ours, theirs }) => figure(ours) / figure(theirs));
        return [name, rounded(median(values))];
      }),
    ) as Record<Figure, number>;
  }
  return ratios;
}
