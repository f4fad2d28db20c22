/**
 * What a run of ledger events comes to: the last event of an entry is the entry, and a voided one is
 * none. Pure, so that however a topic is cut into batches, the table is the same.
 */

/** What the folding looks at. */
export interface EntryEvent {
  readonly kind: 'CREATED' | 'REVISED' | 'VOIDED';
  readonly ledgerId: string;
  readonly revision: string;
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
  let [matches, mismatches, missing] = [0, 0, 0];
  for (const event of events) {
    const { kind, ledgerId, revision } = event;
    last.set(ledgerId, event);
    if (kind === 'VOIDED') {
      now.delete(ledgerId);
      continue;
    }
    const before = now.get(ledgerId);
    if (before === undefined) missing += 1;
    else if (before === revision) matches += 1;
    else mismatches += 1;
    now.set(ledgerId, revision);
  }
  const upserts = [...last.values()].filter(
    ({ kind, ledgerId, revision }) => kind !== 'VOIDED' && revisions.get(ledgerId) !== revision,
  );
  const voided = [...last.keys()].filter((id) => revisions.has(id) && !now.has(id));
  return { upserts, voided, matches, mismatches, missing };
}
