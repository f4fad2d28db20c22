/** The counts of a run by hand for Prometheus. A gateway that does not take them is told; nothing else fails. */
import { pushCounts } from '../../api/metrics-registry.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';

const job = 'roll_reconcile';

/** @param url of a Pushgateway; empty: there is none. */
export async function pushReconciliation(
  url: string,
  { summary }: ReconciliationReport,
  progress: (line: string) => void,
): Promise<void> {
  if (url === '') return;
  try {
    await pushCounts(url, job, [
      {
        name: 'roll_service_shadow_replay_delta_total',
        help: 'entries that differ in any way: others, missing, not expected',
        value: summary.sides.ledger.drift,
      },
      {
        name: 'rollguard_reconciliation_lock_drift_total',
        help: 'holds that differ in any way',
        value: summary.sides.locks.drift,
      },
    ]);
  } catch (error) {
    const reason = messageOf(error);
    progress(`reconcile: the counts were not pushed (ROLLGUARD_PUSHGATEWAY_URL): ${reason}`);
  }
}
