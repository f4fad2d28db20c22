/**
 * One connection to a Postgres that many ask at once, such as those who call over HTTP: opened when it is
 * first wanted, kept, opened anew once it broke. So many may ask at a time, each for so long; what takes
 * longer ends the connection, which may be a dead one, and with it what else is asked there.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { openDatabase, type Database, type DatabaseOptions } from './connection.ts';
import { sqlStateOf, statementCancelled } from './sql-state.ts';

export interface SharedConnectionOptions extends Omit<DatabaseOptions, 'statementTimeoutMs'> {
  readonly clock: Clock;
  /** Who asks at a time; more are refused. */
  readonly usersMax: number;
  /** For each, opening the connection included. */
  readonly timeoutMs: number;
}

export class SharedConnection {
  readonly #options: SharedConnectionOptions;
  #opening: Promise<Database> | undefined;
  #users = 0;
  #isClosed = false;

  constructor(options: SharedConnectionOptions) {
    this.#options = options;
  }

  /**
   * Statements of all who ask are answered in their order; no transactions.
   * @throws QUEUE_FULL, DATABASE_UNAVAILABLE naming the setting.
   */
  async use<T>(work: (database: Pick<Database, 'query'>) => Promise<T>): Promise<T> {
    const { clock, usersMax, timeoutMs, setting } = this.#options;
    if (this.#users >= usersMax) {
      const message = `${usersMax} requests are waiting for Postgres (${setting}); try again shortly`;
      throw new RollguardError('QUEUE_FULL', message);
    }
    this.#users += 1;
    try {
      const answer = await settledWithin(clock, timeoutMs, this.#connected().then(work));
      if (answer !== late) return answer;
      void this.#letGo();
      throw this.#tooLong();
    } catch (error) {
      // The server's own clock was the faster one.
      throw sqlStateOf(error) === statementCancelled ? this.#tooLong() : error;
    } finally {
      this.#users -= 1;
    }
  }

  /** For good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#letGo();
  }

  async #connected(): Promise<Database> {
    const { setting } = this.#options;
    if (this.#isClosed) {
      throw new RollguardError(
        'DATABASE_UNAVAILABLE',
        `Postgres (${setting}) is not asked any more`,
      );
    }
    const opening = (this.#opening ??= this.#open());
    const database = await opening.catch((error: unknown) => {
      this.#forget(opening);
      throw error;
    });
    if (database.isOpen) return database;
    this.#forget(opening);
    return this.#connected();
  }

  #open(): Promise<Database> {
    return openDatabase({ ...this.#options, statementTimeoutMs: this.#options.timeoutMs });
  }

  /** Unless somebody has opened another one meanwhile. */
  #forget(opening: Promise<Database>): void {
    if (this.#opening === opening) this.#opening = undefined;
  }

  async #letGo(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const database = await opening?.catch(() => undefined);
    await database?.close();
  }

  #tooLong(): RollguardError {
    const { setting, timeoutMs } = this.#options;
    const message = `Postgres (${setting}) has not answered within ${timeoutMs} ms`;
    return new RollguardError('DATABASE_UNAVAILABLE', message);
  }
}
