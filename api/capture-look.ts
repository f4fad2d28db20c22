/** One look at a time at the platform's database, its slot and the connector; none takes longer than it may. */
import type { CaptureSeen } from '../capture/judge-capture.ts';
import { observeCapture } from '../capture/observe-capture.ts';
import { ConnectClient } from '../connectors/connect-client.ts';
import { openDatabase, type Database } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Settings } from '../kernel/settings.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';

export interface CaptureLookOptions {
  readonly settings: Settings;
  readonly clock: Clock;
}

const lookTimeoutMs = 8_000;
const statementTimeoutMs = 3_000;
const connectTimeoutMs = 2_000;

export class CaptureLook {
  readonly #options: CaptureLookOptions;
  #database: Database | undefined;

  constructor(options: CaptureLookOptions) {
    this.#options = options;
  }

  /** @param heartbeatAgeMs undefined: none was heard. */
  async at(heartbeatAgeMs: number | undefined): Promise<CaptureSeen> {
    const { settings, clock } = this.#options;
    const slotName = settings.ROLLGUARD_CAPTURE_SLOT;
    const answered = this.#observe(heartbeatAgeMs).catch((error: unknown) => {
      if (isRollguardError(error, 'DATABASE_UNAVAILABLE')) return undefined;
      throw error;
    });
    const found = await settledWithin(clock, lookTimeoutMs, answered);
    if (found !== late && found?.server !== undefined) return found;
    await this.close();
    const nothing = { server: undefined, deliveredLsn: undefined, connector: undefined };
    return { slotName, ...nothing, heartbeatAgeMs };
  }

  /** The next look opens its connection anew. */
  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close();
  }

  async #observe(heartbeatAgeMs: number | undefined): Promise<CaptureSeen> {
    const { settings, clock } = this.#options;
    const { KAFKA_CONNECT_URL: url, PLATFORM_DATABASE_URL } = settings;
    this.#database ??= await openDatabase({
      ...{ url: PLATFORM_DATABASE_URL, setting: 'PLATFORM_DATABASE_URL' },
      ...{ applicationName: 'rollguard capture watch', isReadOnly: true, statementTimeoutMs },
    });
    const seen = {
      database: this.#database,
      connect:
        url === ''
          ? undefined
          : new ConnectClient({ url, clock, signal: AbortSignal.timeout(connectTimeoutMs) }),
      connectorName: settings.ROLLGUARD_CAPTURE_CONNECTOR,
      slotName: settings.ROLLGUARD_CAPTURE_SLOT,
    };
    return observeCapture(seen, heartbeatAgeMs);
  }
}
