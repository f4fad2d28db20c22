/**
 * What a run of ledger events comes to: the last event of an entry is the entry, and a voided one is
 * none. Pure, so that however a topic is cut into batches, the table is the same. An event that was told
 * once more is compared with the table as the events before it leave it, and changes nothing.
 */

/** What the folding looks at. */
export interface EntryEvent {
  readonly kind: 'CREATED' | 'REVISED' | 'VOIDED';
  readonly ledgerId: string;
  readonly revision: string;
  readonly isToldAgain: boolean;
}

/** How events compare with what the table had before each of them. */
export interface FoldCounts {
  /** The table said the same already. */
  readonly matches: number;
  /** It said something else. */
  readonly mismatches: number;
  /** It had no such entry. */
  readonly missing: number;
}

export interface LedgerFold<Event extends EntryEvent> extends FoldCounts {
  /** The same of events that were told once more. */
  readonly toldAgain: FoldCounts;
  /** Entries to be written, as they end. */
  readonly upserts: readonly Event[];
  /** Ids of entries that the table has and that are no more. */
  readonly voided: readonly string[];
}

/** @param revisions what the table has of the events' entries, by ledger id. */
export function foldLedger<Event extends EntryEvent>(
  revisions: ReadonlyMap<string, string>,
  events: readonly Event[],
): LedgerFold<Event> {
  const now = new Map(revisions);
  const last = new Map<string, Event>();
  const counts = noCounts();
  const toldAgain = noCounts();
  for (const event of events) {
    const { kind, ledgerId, revision } = event;
    if (event.isToldAgain) {
      toldAgain[compare(now.get(ledgerId), revision)] += 1;
      continue;
    }
    last.set(ledgerId, event);
    if (kind === 'VOIDED') {
      now.delete(ledgerId);
      continue;
    }
    counts[compare(now.get(ledgerId), revision)] += 1;
    now.set(ledgerId, revision);
  }
  const upserts = [...last.values()].filter(
    ({ kind, ledgerId, revision }) => kind !== 'VOIDED' && revisions.get(ledgerId) !== revision,
  );
  const voided = [...last.keys()].filter((id) => revisions.has(id) && !now.has(id));
  return { upserts, voided, toldAgain, ...counts };
}

function noCounts(): Record<keyof FoldCounts, number> {
  return { matches: 0, mismatches: 0, missing: 0 };
}

function compare(before: string | undefined, revision: string): keyof FoldCounts {
  if (before === undefined) return 'missing';
  return before === revision ? 'matches' : 'mismatches';
}
