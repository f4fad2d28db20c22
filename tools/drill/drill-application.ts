/** What a drill asks of the running application, and of what is stored when it has ended. */
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import { compareHolds } from '../start/hold-comparison.ts';
import type { Workload } from '../start/workload.ts';
import type { CliContext } from '../cli-context.ts';
import { runCli } from '../cli.ts';

export interface DrillPlaces {
  /** Of the HTTP API. */
  readonly url: string;
  /** As the platform writes. */
  readonly adminDatabaseUrl: string;
  /** As the application reads. */
  readonly databaseUrl: string;
}

export interface CaptureHealth {
  readonly isReady: boolean;
  readonly reason: string;
}

const requestTimeoutMs = 5_000;

/** What readiness says of the capture; undefined: no answer. */
export async function captureHealth(url: string): Promise<CaptureHealth | undefined> {
  try {
    const signal = AbortSignal.timeout(requestTimeoutMs);
    const response = await fetch(`${url}/health/readiness`, { signal });
    const { services } = (await response.json()) as {
      services: { name: string; ready: boolean; reason?: string }[];
    };
    const capture = services.find(({ name }) => name === 'capture');
    return capture && { isReady: capture.ready, reason: capture.reason ?? '' };
  } catch {
    return undefined;
  }
}

/** The gap's reason whose metric is 1; undefined: none. */
export async function gapMetric(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(requestTimeoutMs) });
  return /^rollguard_capture_gap\{reason="([a-z-]+)"\} 1$/m.exec(await response.text())?.[1];
}

export interface ServiceComparison {
  /** Live reservations, each to be held once. */
  readonly holds: number;
  /** Properties whose ledgers are compared entry for entry. */
  readonly properties: number;
  /** In words. */
  readonly differences: readonly string[];
}

/** Holds and ledgers beside the platform's rows, as the services keep them now. */
export async function compareServices(
  places: DrillPlaces,
  workloads: readonly Workload[],
  cli: CliContext,
): Promise<ServiceComparison> {
  const properties = workloads.flatMap(({ expectations, from, to }) =>
    expectations.map(({ tenantId, propertyId }) => ({ tenantId, propertyId, from, to })),
  );
  const { url, adminDatabaseUrl: databaseUrl } = places;
  const propertyIds = properties.map(({ propertyId }) => propertyId);
  const holds = await compareHolds({ url, databaseUrl, propertyIds }).catch((error: unknown) => ({
    live: 0,
    differences: [messageOf(error)],
  }));
  const differences = holds.differences.map((each) => `guard: ${each}`);
  for (const property of properties) differences.push(...(await replayed(places, property, cli)));
  return { holds: holds.live, properties: properties.length, differences };
}

interface PropertyDates {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly from: string;
  readonly to: string;
}

/** Entry for entry what the rows say: `rollguard replay reservation` against the state. */
async function replayed(
  { url, databaseUrl }: DrillPlaces,
  { tenantId, propertyId, from, to }: PropertyDates,
  cli: CliContext,
): Promise<readonly string[]> {
  const { exitCode, out } = await runQuietly(cli, [
    ...['replay', 'reservation', '--property', propertyId, '--tenant', tenantId],
    ...['--from', from, '--to', to, '--state', '--no-table', '--stdout'],
    ...['--url', url, '--platform-database-url', databaseUrl],
  ]);
  return exitCode === 0
    ? []
    : [`V8 ledgers of ${propertyId}: exit ${exitCode}: ${out.slice(-300)}`];
}

/** Entries of ledgers whose reservations are gone: there must be none. */
export async function leftEntries(
  url: string,
  reservations: readonly { readonly tenantId: string; readonly id: string }[],
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { tenantId, id } of reservations) {
    const response = await fetch(`${url}/v1/ledgers/${id}`, {
      headers: { 'x-tenant-id': tenantId },
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    if (response.status === 404) continue;
    const { entries } = (await response.json()) as { entries?: { rollType: string }[] };
    if (entries?.length !== 0) left.push(`V8 ${id} is gone, and has ${entries?.length} entries`);
  }
  return left;
}

/** `state verify` of both services; they have to be stopped. */
export async function stateDifferences(
  env: Readonly<Record<string, string>>,
  cli: CliContext,
): Promise<readonly string[]> {
  const { exitCode, out } = await runQuietly({ ...cli, env }, ['state', 'verify']);
  return exitCode === 0 ? [] : [`state verify: exit ${exitCode}: ${out.slice(-600)}`];
}

async function runQuietly(
  cli: CliContext,
  args: readonly string[],
): Promise<{ readonly exitCode: number; readonly out: string }> {
  let out = '';
  const keep = (text: string): void => void (out += text);
  const quiet = { ...cli, out: keep, err: keep, progress: (): void => undefined, exitCode: 0 };
  const exitCode = await runCli(args, quiet);
  return { exitCode, out };
}

export interface Wait {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Asks until the answer is there or the time is over. @returns the answer, and how long it took.
 * @throws the signal's reason when it is aborted.
 */
export async function waitFor<Answer>(
  { clock, signal, timeoutMs }: Wait,
  ask: () => Promise<Answer | undefined>,
): Promise<{ readonly answer: Answer | undefined; readonly seconds: number }> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    const answer = await ask().catch(() => undefined);
    const tookMs = clock.monotonicMs() - startedMs;
    if (answer !== undefined || tookMs > timeoutMs) return { answer, seconds: tookMs / 1_000 };
    await clock.sleep(pollMs, signal);
    signal.throwIfAborted();
  }
}

const pollMs = 250;
