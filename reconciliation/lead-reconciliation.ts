/**
 * One reconciliation at a time among all instances and command lines: whoever makes one leads. A run on
 * demand waits for the one that is being made, for so long, and then names who makes it.
 */
import {
  becomeLeader,
  currentLeader,
  describeLeader,
  type Leadership,
} from '../backfill/leader-lock.ts';
import { openDatabase } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';

export interface LeadOptions {
  /** ROLLGUARD_DATABASE_URL. */
  readonly url: string;
  /** As others are told who makes one. */
  readonly applicationName: string;
  readonly clock: Clock;
}

export interface WaitToLeadOptions extends LeadOptions {
  /** 0: it is asked for once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told once, in words, what it waits for. */
  readonly onWait: (who: string) => void;
}

const pollMs = 1_000;

/** @returns undefined while another one makes a reconciliation. @throws DATABASE_UNAVAILABLE */
export function leadReconciliation(options: LeadOptions): Promise<Leadership | undefined> {
  return becomeLeader({ ...options, work: 'reconciliation' });
}

/** @throws PRECONDITION_FAILED naming who makes one; INTERRUPTED by the signal. */
export async function waitToLead(options: WaitToLeadOptions): Promise<Leadership> {
  const { clock, waitMs, signal, onWait } = options;
  const deadlineMs = clock.monotonicMs() + waitMs;
  let isTold = false;
  for (;;) {
    const leadership = await leadReconciliation(options);
    if (leadership !== undefined) return leadership;
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) throw await beingMade(options);
    if (!isTold) onWait(await whoLeads(options));
    isTold = true;
    await clock.sleep(Math.min(pollMs, leftMs), signal);
    signal.throwIfAborted();
  }
}

async function beingMade(options: WaitToLeadOptions): Promise<RollguardError> {
  const who = await whoLeads(options);
  const message = `${who} is making a reconciliation; let it end (\`rollguard reconcile status\`), or wait longer (--wait-timeout)`;
  return new RollguardError('PRECONDITION_FAILED', message);
}

async function whoLeads({ url, applicationName }: LeadOptions): Promise<string> {
  const database = await openDatabase({ url, setting: 'ROLLGUARD_DATABASE_URL', applicationName });
  try {
    const leader = await currentLeader(database, 'reconciliation');
    return leader === undefined ? 'another one' : describeLeader(leader);
  } finally {
    await database.close();
  }
}
