/**
 * Brings a chain's actions into the platform's database: as fast as it takes them, or paced, so many
 * seconds of real time to a hotel's day, until they end or the signal aborts. A transaction holds a
 * bounded number of actions, and in paced mode at most those of a quarter of a second.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { PlatformDatabase } from './database.ts';
import type { Chain } from './generator.ts';
import type { PlatformAction } from './model.ts';
import { applyActions, writeSetup } from './platform.ts';

export interface FeedOptions {
  readonly database: PlatformDatabase;
  readonly chain: Chain;
  readonly clock: Clock;
  /** Real seconds that 24 hours of the chain take; without it as fast as the database takes them. */
  readonly secondsPerDay?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: FeedProgress) => void;
}

export interface FeedProgress {
  readonly commands: number;
  readonly rowChanges: number;
  /** The chain's time of the last action written, milliseconds since 1970. */
  readonly chainTimeMs: number;
}

const transactionActionsMax = 500;
const pacedTickMs = 250;
const dayMs = 86_400_000;

/** Writes the setup and then the actions; resolves with what was written in all. */
export async function feedChain(options: FeedOptions): Promise<FeedProgress> {
  const { database, chain, signal } = options;
  let progress = {
    commands: 0,
    rowChanges: await database.transaction(() => writeSetup(database, chain.setup)),
    chainTimeMs: Date.parse(chain.setup.firstBusinessDate),
  };
  const paced = options.secondsPerDay === undefined ? undefined : new Pace(options);
  for (const actions of batches(chain.actions, paced)) {
    await paced?.until(actions.at(-1)?.atMs ?? 0);
    if (signal?.aborted === true) break;
    const written = await database.transaction(() => applyActions(database, actions));
    progress = {
      commands: progress.commands + written.commands,
      rowChanges: progress.rowChanges + written.rowChanges,
      chainTimeMs: actions.at(-1)?.atMs ?? progress.chainTimeMs,
    };
    options.progress?.(progress);
  }
  return progress;
}

/** Cuts at the size limit and, when paced, where the next action is due a tick later. */
function* batches(
  actions: Iterable<PlatformAction>,
  paced: Pace | undefined,
): Generator<PlatformAction[]> {
  let batch: PlatformAction[] = [];
  for (const action of actions) {
    const firstMs = batch[0]?.atMs ?? action.atMs;
    const isLater = paced !== undefined && action.atMs - firstMs > paced.tickChainMs;
    if (isLater || batch.length === transactionActionsMax) {
      yield batch;
      batch = [];
    }
    batch.push(action);
  }
  if (batch.length > 0) yield batch;
}

/** The chain's time against real time, both counted from the first action. */
class Pace {
  /** How much of the chain's time passes in one tick of real time. */
  readonly tickChainMs: number;
  readonly #chainMsPerMs: number;
  readonly #options: FeedOptions;
  #start: { readonly realMs: number; readonly chainMs: number } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#chainMsPerMs = dayMs / ((options.secondsPerDay ?? 1) * 1000);
    this.tickChainMs = pacedTickMs * this.#chainMsPerMs;
  }

  /** Waits until the chain's time has come. */
  async until(chainMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    this.#start ??= { realMs: clock.monotonicMs(), chainMs };
    const dueMs = this.#start.realMs + (chainMs - this.#start.chainMs) / this.#chainMsPerMs;
    const waitMs = dueMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }
}
