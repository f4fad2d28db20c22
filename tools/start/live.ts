/** `npm start`: the whole line with a live hotel chain, until Ctrl-C. */
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { feedChain } from '../../examples/reservation-platform/feed.ts';
import { generateChain, type Chain } from '../../examples/reservation-platform/generator.ts';
import { atMostEvery } from './once.ts';
import { startSystem, type System, type SystemOptions } from './system.ts';

const progressIntervalMs = 15_000;
const aliveIntervalMs = 1_000;

export interface LiveOptions extends Omit<SystemOptions, 'isFresh'> {
  /** Real seconds to a hotel's day. */
  readonly secondsPerDay: number;
  readonly seed: number;
}

/** Resolves after the signal, when everything is stopped. */
export async function runLive(options: LiveOptions): Promise<void> {
  const { signal } = options;
  const system = await startSystem({
    ...{ ...options, isFresh: false, hasTables: true, backfills: true },
  });
  try {
    const chain = generateChain({ seed: options.seed, days: Infinity });
    const feeding = feed(system, chain, options);
    // A failure of the feed is reported by the race below, also while the application still starts.
    feeding.catch(() => undefined);
    await Promise.race([system.application.ready(signal), feeding]);
    options.progress(whereToLook(system, chain));
    await Promise.race([feeding, untilStopped(system, options)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    options.progress('stopping');
    await system.stop();
  }
}

async function feed(system: System, chain: Chain, options: LiveOptions): Promise<void> {
  const { clock, signal, secondsPerDay } = options;
  const say = atMostEvery(progressIntervalMs, clock, options.progress);
  const database = await connectPlatformDatabase(system.stack.endpoints.platformAdminDatabaseUrl);
  try {
    await feedChain({
      ...{ database, chain, clock, signal, secondsPerDay },
      progress: ({ chainTimeMs, commands, rowChanges }) =>
        say(
          `${new Date(chainTimeMs).toISOString().slice(0, 16)}  ${commands} commands, ${rowChanges} row changes`,
        ),
    });
  } finally {
    await database.close();
  }
}

async function untilStopped(system: System, { clock, signal }: LiveOptions): Promise<void> {
  while (!signal.aborted) {
    system.application.assertAlive();
    await clock.sleep(aliveIntervalMs, signal);
  }
}

function whereToLook(
  { application: { url, grpcAddress }, stack, tablesUrl }: System,
  { setup }: Chain,
): string {
  const property = setup.properties[0];
  const { kafkaConnectUrl, platformDatabaseUrl, kafkaBrokers } = stack.endpoints;
  const range = `from=${setup.firstBusinessDate}&to=2027-12-31`;
  return `
Rollguard is up and a hotel chain is at work. Look here:

  days of ${property?.property_name ?? ''}
    curl -s -H 'x-tenant-id: ${property?.tenant_id ?? ''}' '${url}/v1/ledgers?propertyId=${property?.id ?? ''}&${range}'
  a reservation's ledger  ${url}/v1/ledgers/<reservationId>
  gRPC                    ${grpcAddress}: rollguard.v1.Query, grpc.health.v1.Health, reflection
  API description         ${url}/docs
  metrics                 ${url}/metrics
  health                  ${url}/health/readiness
  events                  topic roll.events.shadow on ${kafkaBrokers}
  connector               ${kafkaConnectUrl}/connectors/rollguard-platform/status
  our tables              ${tablesUrl ?? ''}
    reservation_ledger_shadow, inventory_locks_shadow, inventory_lock_audits, room_state_shadow
  the platform's tables   ${platformDatabaseUrl}

Ctrl-C stops everything.
`;
}
