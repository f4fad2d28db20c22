/** Whether the days of the properties are the sum of what the ledgers add to them: nothing twice, nothing lost. */
import { RollguardError } from '../../../kernel/errors.ts';
import type { KafkaStreams } from '../../../streams/index.ts';
import { canonicalRollValue } from '../../../topology/roll/roll-canonical.ts';
import { propertyStores } from '../../../topology/roll/property-processor.ts';
import { addContribution, noTotals, type DailyTotals } from '../../../topology/roll/totals.ts';
import { textOf } from '../../verify/content.ts';
import { ledgersOf, totalsOf } from './stored-roll.ts';

const namedMax = 5;

/** @throws DIFFERENCE_FOUND naming the days. Memory holds the days, not the ledgers. */
export async function checkTotals(streams: KafkaStreams, signal: AbortSignal): Promise<void> {
  const summed = new Map<string, DailyTotals>();
  for await (const page of ledgersOf(streams)) {
    signal.throwIfAborted();
    for (const { ledger } of page) {
      for (const contribution of ledger.contributions) {
        const { propertyId, businessDate } = contribution;
        const day = dayOf(ledger.facts.tenantId, propertyId, businessDate);
        summed.set(day, addContribution(summed.get(day) ?? noTotals, contribution));
      }
    }
  }
  const differing: string[] = [];
  for await (const page of totalsOf(streams)) {
    for (const [key, totals] of page) {
      const day = dayOf(...key);
      if (textOfDay(totals) !== textOfDay(summed.get(day) ?? noTotals)) differing.push(day);
      summed.delete(day);
    }
  }
  for (const [day, totals] of summed) if (textOfDay(totals) !== '') differing.push(day);
  if (differing.length === 0) return;
  throw new RollguardError(
    'DIFFERENCE_FOUND',
    `${differing.length} days of properties are not the sum of their ledgers after the replay ` +
      `(${differing.slice(0, namedMax).join(', ')}); please report it, and keep the topics as they are`,
  );
}

function dayOf(...parts: readonly string[]): string {
  return parts.join('|');
}

function textOfDay(totals: DailyTotals): string {
  const compared = canonicalRollValue(propertyStores.totals, totals);
  return compared === undefined ? '' : textOf(compared);
}
