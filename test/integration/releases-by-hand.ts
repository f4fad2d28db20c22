/** Releases by hand on the real stack: what a person with a token does, and what it leaves. */
import type { AuditBody, ManualReleasedBody } from '../../api/guard/audit-body.ts';
import { systemClock } from '../../kernel/clock.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { System } from '../../tools/start/system.ts';
import { notificationsTopicDefault } from '../../topology/guard/notification.ts';
import { tokenEntry } from '../support/admin-settings.ts';
import { portOn } from './test-system.ts';

const token = 'open-sesame';
const attemptsMax = 100;
const againMs = 200;

export class Desk {
  readonly #system: System;
  readonly #tenantId: string;

  constructor(system: System, tenantId: string) {
    this.#system = system;
    this.#tenantId = tenantId;
  }

  /** Kills the application and starts it with the desk's token. */
  async open(): Promise<void> {
    await this.#system.application.kill();
    this.#system.startApplication({
      AVAILABILITY_GUARD_ADMIN_TOKENS: tokenEntry('desk', token, [this.#tenantId]),
    });
    await this.#system.application.ready(new AbortController().signal);
  }

  /** Id of the audit record; undefined: no answer came, or none that it was done. */
  async release(lockId: string): Promise<string | undefined> {
    const body = { tenantId: this.#tenantId, reason: 'moved', actorId: 'u-1', actorName: 'Maija' };
    try {
      const answer = await fetch(
        `${this.#system.application.url}/v1/locks/${lockId}/manual-release`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-guard-admin-token': token },
          body: JSON.stringify({ ...body, notify: ['#front'] }),
        },
      );
      return ((await answer.json()) as Partial<ManualReleasedBody>).auditId;
    } catch {
      return undefined;
    }
  }

  /** Asks until it is answered. */
  async released(lockId: string): Promise<string> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const auditId = await this.release(lockId);
      if (auditId !== undefined) return auditId;
      await systemClock.sleep(againMs);
    }
    throw new Error(`${lockId} was not released`);
  }

  async audit(route: string): Promise<AuditBody['records']> {
    const answer = await fetch(`${this.#system.application.url}/v1/locks/${route}`, {
      headers: { 'x-guard-admin-token': token },
    });
    return ((await answer.json()) as AuditBody).records;
  }

  /** How often each lock's release was told, committed. */
  async told(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const port = portOn(this.#system.stack, 'desk');
    await readRanges(port, await wholeTopics(port, [notificationsTopicDefault]), ({ key }) => {
      counts.set(String(key), (counts.get(String(key)) ?? 0) + 1);
      return true;
    });
    await port.close();
    return counts;
  }
}
