/**
 * From the connectors we want and those that Connect has to the same: a plan (pure), its application,
 * and the wait until the tasks run. What is as wanted is not touched, since a configuration that is
 * sent again restarts its tasks even when nothing in it changed.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { ConnectClient, ConnectorStatus } from './connect-client.ts';
import { maskSecrets, type ConnectConfig, type ConnectorDefinition } from './connector-config.ts';
import { deployedEpoch, inEpoch } from './debezium-postgres.ts';
import { traceSummary, verdictOf, type Verdict } from './connector-health.ts';

const pollIntervalMs = 250;
/**
 * After a change Connect shows the old tasks' states until the new ones report: a verdict counts once
 * it has stood for this long. A task whose publication or table is missing fails within it, too.
 */
const settleMs = 2_500;

export type Action = 'create' | 'update' | 'restart' | 'nothing';

/** One setting that differs; undefined: not set on that side. Secrets are masked. */
export interface SettingChange {
  readonly setting: string;
  readonly actual: string | undefined;
  readonly desired: string | undefined;
}

export interface Plan {
  readonly action: Action;
  readonly changes: readonly SettingChange[];
}

/** What to do about one connector. */
export function planFor(
  desired: ConnectorDefinition,
  actual: { readonly config: ConnectConfig | undefined; readonly verdict: Verdict },
): Plan {
  const changes = changesBetween(actual.config ?? {}, { ...desired.config, name: desired.name });
  if (actual.config === undefined) return { action: 'create', changes };
  if (changes.length > 0) return { action: 'update', changes };
  return { action: actual.verdict === 'failed' ? 'restart' : 'nothing', changes };
}

function changesBetween(actual: ConnectConfig, desired: ConnectConfig): readonly SettingChange[] {
  const masked = { actual: maskSecrets(actual), desired: maskSecrets(desired) };
  const settings = new Set([...Object.keys(actual), ...Object.keys(desired)]);
  return [...settings]
    .filter((setting) => actual[setting] !== desired[setting])
    .sort()
    .map((setting) => ({
      setting,
      actual: masked.actual[setting],
      desired: masked.desired[setting],
    }));
}

export interface ApplyOptions {
  readonly client: ConnectClient;
  readonly connectors: readonly ConnectorDefinition[];
  readonly clock: Clock;
  /** How long the tasks of all connectors may take until they run. */
  readonly waitTimeoutMs: number;
  /** True: they were just let go on. Connect answers before it has, so what looks paused is waited for. */
  readonly wasResumed?: boolean;
  /** Plan only. */
  readonly dryRun?: boolean;
  readonly progress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface ApplyResult extends Plan {
  readonly name: string;
  readonly verdict: Verdict;
  readonly status: ConnectorStatus | undefined;
}

/**
 * Creates and updates what differs, restarts what FAILED, waits until every task runs.
 * @throws CONNECTOR_FAILED when one is FAILED or paused, or does not run in time;
 * CONNECT_UNAVAILABLE and CONNECT_REFUSED.
 */
export async function applyConnectors(options: ApplyOptions): Promise<readonly ApplyResult[]> {
  const { client, connectors } = options;
  const deadlineMs = options.clock.monotonicMs() + options.waitTimeoutMs;
  const planned: { readonly desired: ConnectorDefinition; readonly plan: Plan }[] = [];
  for (const wanted of connectors) {
    const config = await client.config(wanted.name);
    const desired = withoutGoingBack(wanted, config);
    const verdict = verdictOf(await client.status(desired.name));
    const plan = planFor(desired, { config, verdict });
    options.progress?.(`${desired.name}: ${describePlan(plan)}`);
    if (options.dryRun !== true) await carryOut(client, desired, plan);
    planned.push({ desired, plan });
  }
  const results: ApplyResult[] = [];
  for (const { desired, plan } of planned) {
    const status =
      options.dryRun === true
        ? await client.status(desired.name)
        : await waitUntilRunning(desired, { ...options, plan, deadlineMs });
    results.push({ name: desired.name, ...plan, verdict: verdictOf(status), status });
  }
  return results;
}

/** A lower epoch would make what is captured from now on older than what was captured before. */
function withoutGoingBack(
  wanted: ConnectorDefinition,
  config: ConnectConfig | undefined,
): ConnectorDefinition {
  const epoch = deployedEpoch(config);
  return deployedEpoch(wanted.config) < epoch ? inEpoch(wanted, epoch) : wanted;
}

/** What `applyConnectors` would change, and nothing is sent. */
export function diffConnectors(
  options: Pick<ApplyOptions, 'client' | 'connectors' | 'clock'>,
): Promise<readonly ApplyResult[]> {
  return applyConnectors({ ...options, dryRun: true, waitTimeoutMs: 0 });
}

export interface RestartOptions extends Omit<ApplyOptions, 'connectors' | 'dryRun'> {
  readonly name: string;
  /** True: only its FAILED parts. */
  readonly failedOnly: boolean;
}

/**
 * Starts a connector again as it is configured, and waits until its tasks run.
 * @throws CONNECTOR_FAILED when there is none, when it is FAILED or paused, or does not run in time.
 */
export async function restartConnector(
  options: RestartOptions,
): Promise<ConnectorStatus | undefined> {
  const { client, clock, name } = options;
  const config = await client.config(name);
  if (config === undefined)
    throw notRunning(name, 'missing', { status: undefined, waitTimeoutMs: 0 });
  const deadlineMs = clock.monotonicMs() + options.waitTimeoutMs;
  await (options.failedOnly ? client.restartFailed(name) : client.restart(name));
  const plan: Plan = { action: 'restart', changes: [] };
  const connectors = [{ name, config }];
  return waitUntilRunning({ name, config }, { ...options, connectors, plan, deadlineMs });
}

function describePlan({ action, changes }: Plan): string {
  if (action !== 'update') return action;
  return `update of ${changes.map((change) => change.setting).join(', ')}`;
}

async function carryOut(
  client: ConnectClient,
  desired: ConnectorDefinition,
  { action }: Plan,
): Promise<void> {
  if (action === 'create' || action === 'update') await client.putConfig(desired);
  if (action === 'restart') await client.restartFailed(desired.name);
}

interface WaitOptions extends ApplyOptions {
  readonly plan: Plan;
  readonly deadlineMs: number;
}

async function waitUntilRunning(
  desired: ConnectorDefinition,
  options: WaitOptions,
): Promise<ConnectorStatus | undefined> {
  const { client, clock, signal } = options;
  const neededMs = options.plan.action === 'nothing' ? 0 : settleMs;
  let verdict: Verdict = 'starting';
  let sinceMs = clock.monotonicMs();
  for (;;) {
    const status = await client.status(desired.name);
    const isOurs = await tasksHaveConfig(client, desired);
    const seen = isOurs ? verdictOf(status) : 'starting';
    const nowMs = clock.monotonicMs();
    if (seen !== verdict) {
      options.progress?.(`${desired.name}: ${seen}`);
      verdict = seen;
      sinceMs = nowMs;
    }
    const isSettled = nowMs - sinceMs >= neededMs;
    if (isSettled && verdict === 'running') return status;
    const isPaused = verdict === 'paused' && options.wasResumed !== true;
    const isHopeless = verdict === 'failed' || isPaused;
    if ((isSettled && isHopeless) || nowMs >= options.deadlineMs) {
      throw notRunning(desired.name, verdict, { status, waitTimeoutMs: options.waitTimeoutMs });
    }
    await clock.sleep(pollIntervalMs, signal);
    signal?.throwIfAborted();
  }
}

/** True once Connect has given the wanted configuration to the tasks, not only stored it. */
async function tasksHaveConfig(
  client: ConnectClient,
  desired: ConnectorDefinition,
): Promise<boolean> {
  const tasks = await client.taskConfigs(desired.name);
  return (
    tasks.length > 0 &&
    tasks.every((task) =>
      Object.entries(desired.config).every(([setting, value]) => task[setting] === value),
    )
  );
}

interface Circumstances {
  readonly status: ConnectorStatus | undefined;
  readonly waitTimeoutMs: number;
}

function notRunning(name: string, verdict: Verdict, what: Circumstances): RollguardError {
  return new RollguardError('CONNECTOR_FAILED', `connector ${name} ${explain(verdict, what)}`, {
    context: { name, verdict, status: what.status },
  });
}

function explain(verdict: Verdict, { status, waitTimeoutMs }: Circumstances): string {
  if (verdict === 'missing') return 'is missing; create it with `rollguard connectors apply`';
  if (verdict === 'paused') {
    return "is paused or stopped, by somebody on purpose; PUT /connectors/<name>/resume of Connect's REST interface lets it go on";
  }
  const parts = status === undefined ? [] : [status.connector, ...status.tasks];
  const traces = parts.flatMap(({ trace }) => (trace === undefined ? [] : traceSummary(trace)));
  if (verdict === 'failed') return `FAILED:\n  ${traces.join('\n  ')}`;
  const seconds = Math.round(waitTimeoutMs / 1000);
  return `has no running task after ${seconds} s (${verdict}); see the Connect worker's log, or wait longer with --wait-timeout`;
}
