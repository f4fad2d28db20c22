/**
 * What must hold of the audit and of the notifications, from durable things only: V3 one record for each
 * change of a hold and one message for each release by hand, neither missing nor twice.
 */
import type { InProcessKafka } from '../in-process-kafka.ts';
import type { LoggedDecision } from '../../topology/guard/decision-log.ts';
import { auditOf } from '../../topology/guard/audit.ts';
import { auditStores, forgottenLocks, recordKey } from '../../topology/guard/audit-trail.ts';
import {
  notificationOf,
  notificationsTopicDefault,
  type ManualReleaseNotification,
} from '../../topology/guard/notification.ts';
import type { StoreContent } from './scenario.ts';

type Report = (text: string) => void;

/** @param content of the store that the decisions are of; undefined: nobody serves it. */
export function checkAudit(
  decisions: readonly LoggedDecision[],
  content: StoreContent | undefined,
  report: Report,
): void {
  if (content === undefined) return;
  const expected = new Map<string, string>();
  for (const decision of decisions) {
    for (const record of auditOf(decision)) {
      const name = `${auditStores.records} ${JSON.stringify(recordKey(record))}`;
      if (expected.has(name)) report(`V3: ${name} is written twice`);
      expected.set(name, JSON.stringify(record));
    }
    for (const lockId of forgottenLocks(decision.changes)) {
      for (const name of expected.keys()) if (name.includes(`"${lockId}"`)) expected.delete(name);
    }
  }
  const prefix = `${auditStores.records} `;
  const found = new Map([...content].filter(([name]) => name.startsWith(prefix)));
  for (const name of new Set([...expected.keys(), ...found.keys()])) {
    if (expected.get(name) === found.get(name)) continue;
    report(`V3: ${name} is ${found.get(name)}, the decisions say ${expected.get(name)}`);
  }
  const times = [...content.keys()].filter((name) => name.startsWith(`${auditStores.times} `));
  if (times.length !== found.size) {
    report(`V3: ${found.size} audit records have ${times.length} places in time`);
  }
}

/** @param decisions of all partitions. */
export function checkNotifications(
  decisions: readonly LoggedDecision[],
  kafka: InProcessKafka,
  report: Report,
): void {
  const expected = decisions.flatMap((decision) => notificationOf(decision)?.value.lockId ?? []);
  const logs = kafka.topic(notificationsTopicDefault)?.partitions ?? [];
  const told = logs.flatMap((log) =>
    log
      .committedHistory()
      .map(({ value }) => (JSON.parse(String(value)) as ManualReleaseNotification).lockId),
  );
  if (JSON.stringify(told.sort()) === JSON.stringify([...expected].sort())) return;
  report(`V3: told of ${told.join(', ')}, released by hand were ${expected.join(', ')}`);
}
