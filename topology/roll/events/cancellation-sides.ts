/**
 * Two tell of a cancelled reservation: the guard, which releases its hold, and the ledger, which gets a
 * CANCEL entry. Each is a side; they come in any order. A pure step: what is known, one more side, what
 * to count.
 */

export interface Sides {
  /** A hold of the reservation was released since it was cancelled. */
  readonly isReleased: boolean;
  /** The ledger has a CANCEL entry. */
  readonly isEntered: boolean;
  /** What was counted last; undefined: nothing yet. */
  readonly counted: ComparisonResult | undefined;
}

export type CancellationSide =
  { readonly kind: 'released' } | { readonly kind: 'entered'; readonly isVoided: boolean };

export type ComparisonResult = 'match' | 'missing_entry' | 'missing_release';

export const noSides: Sides = { isReleased: false, isEntered: false, counted: undefined };

export function withSide(sides: Sides, side: CancellationSide): Sides {
  return side.kind === 'released'
    ? { ...sides, isReleased: true }
    : { ...sides, isEntered: !side.isVoided };
}

/**
 * What has to be counted now, once for as long as it stays so.
 * @param isOverdue the other side has had its time: that it is missing counts
 */
export function comparisonOf(sides: Sides, isOverdue: boolean): ComparisonResult | undefined {
  const result = resultOf(sides);
  if (result === undefined || result === sides.counted) return undefined;
  return result === 'match' || isOverdue ? result : undefined;
}

function resultOf({ isReleased, isEntered }: Sides): ComparisonResult | undefined {
  if (isReleased && isEntered) return 'match';
  if (isReleased) return 'missing_entry';
  return isEntered ? 'missing_release' : undefined;
}
