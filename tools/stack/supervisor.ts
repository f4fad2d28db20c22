/**
 * The process behind a stack: starts its parts, keeps their logs bounded, stops them. It has a session
 * of its own, so Ctrl-C never reaches it; it learns from the IPC channel that its starter is gone,
 * however that ended.
 *
 *     starting ──all parts healthy──▶ up ──keep──▶ kept (the starter may go)
 *        │ a part fails                │ starter gone     │ SIGTERM
 *        └─────────────────────────────┴──────────────────┴────▶ stopping ──▶ stopped
 *
 * Parts do not depend on it: if it is killed they go on, and the next `up` takes them over.
 */
import type { Clock } from '../../kernel/clock.ts';
import { provideArtifacts, type Artifacts } from './artifacts.ts';
import { boundLog } from './bounded-log.ts';
import { endpointsOf } from './endpoints.ts';
import { markFurnished, provideIdentity, type StackIdentity } from './identity.ts';
import { findJava } from './java.ts';
import { connectPart } from './parts/connect.ts';
import { kafkaPart } from './parts/kafka.ts';
import type { JavaPartContext, PartContext } from './parts/part.ts';
import { postgresPart } from './parts/postgres.ts';
import { registryPart } from './parts/registry.ts';
import { isRunning } from './processes.ts';
import type { StackFolders } from './stack-folders.ts';
import {
  partNames,
  readStackState,
  removeStackState,
  writeJson,
  type PartName,
  type ProcessId,
  type StackPart,
  type StackState,
} from './stack-state.ts';
import { startPart, type StartOptions } from './start-part.ts';
import { stopParts } from './stop-parts.ts';

export interface SupervisorOptions {
  readonly folders: StackFolders;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  /** This process. */
  readonly self: ProcessId;
  /** The process that the stack ends with, until `keep`. */
  readonly owner: ProcessId;
  readonly timeoutMs: number;
  /** What is to run; the others stay as they are. */
  readonly parts: readonly PartName[];
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  /** The start or repair under way; a stop waits until it has noticed. */
  #starting: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #identity: StackIdentity | undefined;
  #state: StackState | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier supervisor left running and starts the rest. Stops all when a part fails. */
  async start(): Promise<void> {
    try {
      await this.#adopt();
      await this.repair();
      const { folders, parts } = this.#options;
      if (parts.length === partNames.length) markFurnished(folders.identityFile);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Starts the parts that do not run; calls during a start wait for it and look again. */
  repair(): Promise<void> {
    this.#starting = this.#starting.catch(() => undefined).then(() => this.#startMissing());
    return this.#starting;
  }

  /** From now on the stack outlives its starter. */
  keep(): void {
    if (this.#state === undefined || this.#stopping.signal.aborted) return;
    const kept = { ...this.#state };
    delete kept.owner;
    this.#write(kept);
  }

  /** Stops every part, last started first, and takes the state away. Calls share one stop. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  boundLogs(): void {
    for (const part of this.#state?.parts ?? []) boundLog(part.logFile);
  }

  async #adopt(): Promise<void> {
    const { folders, self, owner } = this.#options;
    const earlier = readStackState(folders.stateFile)?.parts ?? [];
    const survivors = earlier.filter((part) => isRunning(part));
    for (const { name } of survivors) this.#options.progress(`${name}: still running`);
    this.#identity = await provideIdentity(folders, { arePortsInUse: survivors.length > 0 });
    this.#write({
      version: 1,
      endpoints: endpointsOf(this.#identity),
      secretsFolder: folders.secrets,
      supervisor: self,
      owner,
      parts: survivors,
    });
  }

  async #startMissing(): Promise<void> {
    if (this.#identity === undefined) return;
    const { folders, env, parts } = this.#options;
    // One part that fails ends the other starts of this attempt, not those of the next.
    const attempt = new AbortController();
    const signal = AbortSignal.any([attempt.signal, this.#stopping.signal]);
    const context: PartContext = { folders, env, signal, identity: this.#identity };
    const running = (this.#state?.parts ?? []).filter((part) => isRunning(part));
    const isMissing = (name: PartName): boolean =>
      parts.includes(name) && !running.some((part) => part.name === name);
    const starts: Promise<void>[] = [];
    if (isMissing('postgres')) starts.push(this.#startPart({ part: postgresPart, context }));
    if (partNames.some((name) => name !== 'postgres' && isMissing(name))) {
      starts.push(this.#startJavaParts(context, isMissing, attempt));
    }
    await allOrFirstError(starts, attempt);
  }

  async #startJavaParts(
    context: PartContext,
    isMissing: (name: PartName) => boolean,
    attempt: AbortController,
  ): Promise<void> {
    const java = findJava(context.env).command;
    const artifacts = await this.#provideArtifacts(context);
    const javaContext: JavaPartContext = { ...context, java, artifacts };
    const parts = [kafkaPart, registryPart, connectPart].filter(({ name }) => isMissing(name));
    const starts = parts.map((part) => this.#startPart({ part, context: javaContext }));
    await allOrFirstError(starts, attempt);
  }

  #provideArtifacts(context: PartContext): Promise<Artifacts> {
    const { folders, env, clock, progress } = this.#options;
    return provideArtifacts({ cache: folders.cache, env, clock, progress, signal: context.signal });
  }

  async #startPart<Context extends PartContext>(
    start: Pick<StartOptions<Context>, 'part' | 'context'>,
  ): Promise<void> {
    const { clock, progress, timeoutMs } = this.#options;
    let noted: StackPart | undefined;
    const note = (part: StackPart): void => {
      noted = part;
      this.#note(part);
    };
    try {
      await startPart({ ...start, clock, progress, timeoutMs, note });
    } catch (error) {
      if (noted !== undefined) this.#note({ ...noted, health: 'failed' });
      throw error;
    }
  }

  #note(part: StackPart): void {
    if (this.#state === undefined) return;
    const others = this.#state.parts.filter(({ name }) => name !== part.name);
    const parts = [...others, part].sort(
      (left, right) => partNames.indexOf(left.name) - partNames.indexOf(right.name),
    );
    this.#write({ ...this.#state, parts });
  }

  #write(state: StackState): void {
    this.#state = state;
    writeJson(this.#options.folders.stateFile, state);
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting.catch(() => undefined);
    if (this.#state === undefined) return;
    await stopParts(this.#state.parts, this.#options);
    removeStackState(this.#options.folders.stateFile);
  }
}

/** Waits for all, so that nothing is still being started afterwards; the first error ends the others. */
async function allOrFirstError(
  promises: readonly Promise<void>[],
  attempt: AbortController,
): Promise<void> {
  let first: { readonly error: unknown } | undefined;
  const onError = (error: unknown): void => {
    first ??= { error };
    attempt.abort(error);
  };
  await Promise.all(promises.map((promise) => promise.catch(onError)));
  if (first !== undefined) throw first.error;
}
