/** The counts of a replay for Prometheus. A gateway that does not take them is told; nothing else fails. */
import { pushCounts } from '../../api/metrics-registry.ts';
import { messageOf } from '../../kernel/errors.ts';
import { differingEntries, type ReplaySummary } from '../../topology/roll/replay-report.ts';

const job = 'roll_replay';

/** @param url of a Pushgateway; empty: there is none. */
export async function pushSummary(
  url: string,
  summary: ReplaySummary,
  progress: (line: string) => void,
): Promise<void> {
  if (url === '') return;
  try {
    await pushCounts(url, job, [
      {
        name: 'roll_service_replay_matches_total',
        help: 'entries that are as they must be',
        value: summary.matches,
      },
      {
        name: 'roll_service_replay_mismatches_total',
        help: 'entries that say something else',
        value: summary.mismatches,
      },
      {
        name: 'roll_service_replay_missing_total',
        help: 'entries that are not there',
        value: summary.missingInShadow,
      },
      {
        name: 'roll_service_shadow_replay_delta_total',
        help: 'entries that differ in any way: others, missing, not expected',
        value: differingEntries(summary),
      },
    ]);
  } catch (error) {
    progress(`replay: the counts were not pushed (ROLLGUARD_PUSHGATEWAY_URL): ${messageOf(error)}`);
  }
}
